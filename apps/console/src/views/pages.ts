/** A page of a list. */
export interface PageOf<Row> {
  readonly rows: readonly Row[]
  readonly page: number // from 0; the last one where fewer are left than asked for
  readonly pages: number // at least 1
  readonly first: number // place of its first row, from 1; 0: there is none
  readonly last: number
}

/** One page of rows; past the end the last one. */
export function pageOf<Row>(rows: readonly Row[], page: number, size: number): PageOf<Row> {
  const pages = Math.max(1, Math.ceil(rows.length / size))
  const here = Math.min(Math.max(0, page), pages - 1)
  const shown = rows.slice(here * size, (here + 1) * size)
  const first = shown.length === 0 ? 0 : here * size + 1
  return { rows: shown, page: here, pages, first, last: here * size + shown.length }
}
