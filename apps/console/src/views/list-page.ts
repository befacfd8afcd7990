const PAGE_ITEMS = 1000 // as many as the API gives at once
const LISTS = /^\/(?:(agents|runs|releases|rollouts)|runs\/[^/]+\/(rounds))$/

/** The field that has the items of the list at a path below /api/v1; undefined: it is no list that comes in pages. */
export function fieldOfList(path: string): string | undefined {
  const found = LISTS.exec(path)
  return found?.[1] ?? found?.[2]
}

/** The path of one page of a list; the first where there is no cursor. */
export function pagePath(path: string, cursor: string | undefined): string {
  return `${path}?limit=${PAGE_ITEMS}${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
}
