import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { count } from '../views/format.js'
import { pageOf } from '../views/pages.js'

/** A column of a table. `order` makes it sortable; `when` hides it where there is less room. */
export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => ComponentChildren
  readonly order?: (a: Row, b: Row) => number
  readonly isEnd?: boolean // numbers, to the right
  readonly when?: 'wide' | 'widest'
}

interface TableProps<Row> {
  readonly label: string
  readonly columns: readonly Column<Row>[]
  readonly rows: readonly Row[]
  readonly keyOf: (row: Row) => string | number
  readonly size?: number // rows of a page
  readonly empty?: ComponentChildren
}

/** Rows a page at a time, sorted by a column that was chosen; the order that they come in otherwise. */
export function Table<Row>({ label, columns, rows, keyOf, size = 50, empty }: TableProps<Row>) {
  const [sort, setSort] = useState<{ readonly head: string; readonly isDown: boolean } | null>(null)
  const [wanted, setWanted] = useState(0)
  const order = columns.find(({ head }) => head === sort?.head)?.order
  const sorted =
    order === undefined ? rows : rows.toSorted((a, b) => (sort?.isDown ? order(b, a) : order(a, b)))
  const { rows: shown, page, pages, first, last } = pageOf(sorted, wanted, size)
  const sortBy = (head: string) => {
    setWanted(0)
    setSort(sort?.head !== head ? { head, isDown: false } : sort.isDown ? null : { head, isDown: true })
  }
  if (rows.length === 0 && empty !== undefined) return <>{empty}</>
  return (
    <div class="sheet">
      <table>
        <caption class="unseen">{label}</caption>
        <thead>
          <tr>
            {columns.map(({ head, order: sortable, ...column }) => (
              <th key={head} scope="col" class={classOf(column)} aria-sort={sortOf(sort, head)}>
                {sortable === undefined ? (
                  head
                ) : (
                  <button type="button" class="plain" onClick={() => sortBy(head)}>
                    {head}
                    <span class="arrow" aria-hidden="true">
                      {sort?.head !== head ? '' : sort.isDown ? '↓' : '↑'}
                    </span>
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.head} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {pages > 1 && (
        <nav class="pages" aria-label={`Pages of: ${label}`}>
          <span aria-live="polite">
            {count(first)}–{count(last)} of {count(rows.length)}
          </span>
          <span class="row">
            <button type="button" class="short" disabled={page === 0} onClick={() => setWanted(page - 1)}>
              Earlier
            </button>
            <button
              type="button"
              class="short"
              disabled={page === pages - 1}
              onClick={() => setWanted(page + 1)}
            >
              Later
            </button>
          </span>
        </nav>
      )}
    </div>
  )
}

function classOf({ isEnd, when }: { readonly isEnd?: boolean; readonly when?: 'wide' | 'widest' }) {
  const names = [isEnd ? 'end' : '', when === undefined ? '' : `if-${when}`].filter(Boolean)
  return names.length === 0 ? undefined : names.join(' ')
}

function sortOf(sort: { readonly head: string; readonly isDown: boolean } | null, head: string) {
  if (sort?.head !== head) return undefined
  return sort.isDown ? 'descending' : 'ascending'
}
