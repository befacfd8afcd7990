import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'

const MOST = 1000 // items of one page

/** What asks for a part of a list: without `limit` all that is left of it. */
export const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(MOST).optional().describe('items of the answer, at most'),
  cursor: z.string().max(200).optional().describe('next of the page before: goes on behind its last item'),
})
export type PageQuery = z.output<typeof pageSchema>

/** The field of an answer that has a part of a list. */
export const nextSchema = z
  .exactOptional(z.string())
  .describe('the cursor of the next page; absent: this is the last one')

/** A part of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly next?: string
}

/**
 * The part of `items` that `query` asks for. The list only grows at its end, and the cursor is the id of the last item that was given:
 * what is added meanwhile moves nothing. Throws LoricaError LRC-1007 for a cursor that no answer gave.
 */
export function pageOf<Item>(
  items: readonly Item[],
  idOf: (item: Item) => string,
  { limit = Number.POSITIVE_INFINITY, cursor }: PageQuery,
): Page<Item> {
  const start = cursor === undefined ? 0 : afterItem(items, idOf, cursor)
  const part = items.slice(start, start + limit)
  const last = part.at(-1)
  return start + part.length >= items.length || last === undefined
    ? { items: part }
    : { items: part, next: Buffer.from(idOf(last)).toString('base64url') }
}

function afterItem<Item>(items: readonly Item[], idOf: (item: Item) => string, cursor: string): number {
  const id = Buffer.from(cursor, 'base64url').toString()
  const found = items.findIndex((item) => idOf(item) === id)
  if (found >= 0) return found + 1
  throw new LoricaError('LRC-1007', 'query: "cursor": expected next of an answer of this list', {
    expected: 'next of an answer of this list',
    received: cursor.slice(0, 40),
  })
}

/** The field `next` of an answer, where there is one. */
export const nextOf = ({ next }: Page<unknown>): { readonly next?: string } =>
  next === undefined ? {} : { next }
