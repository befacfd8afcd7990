import { type JournalPage, journalPageSchema } from '@lorica/protocol'
import { z } from 'zod'
import { type Route, route } from '../api/route.js'
import { chainStart, followLine } from '../journal/chain.js'
import type { Store } from '../store/store.js'

/** The journal, to be read. */
export interface JournalRecords {
  readonly store: Pick<Store, 'name' | 'read'>
  /** The last line that is safe. */
  readonly safeSeq: () => number
}

const whole = z.coerce.number('expected a whole number').int('expected a whole number').min(1)
const pageQuery = z.object({
  before: whole.optional().describe('the seq that all lines are below; the last ones if left out'),
  lines: whole.max(500).default(100),
})

/** The journal, newest lines first, and whether its chain holds. */
export function journalRoutes({ store, safeSeq }: JournalRecords): readonly Route[] {
  let verifying: Promise<{ readonly lines: number; readonly hash: string }> | undefined

  return [
    route({
      path: 'GET /api/v1/journal',
      role: 'viewer',
      summary: 'The journal, newest lines first',
      query: pageQuery,
      answer: journalPageSchema,
      act: async ({ query: { before, lines } }) => {
        const last = safeSeq()
        const end = Math.min(last, (before ?? last + 1) - 1)
        const found = await linesOf(Math.max(0, end - lines), end)
        return { last, lines: found.toReversed() }
      },
    }),
    route({
      path: 'GET /api/v1/journal/verify',
      role: 'viewer',
      summary: 'Follows the chain of the journal from its first line on',
      answer: z.object({ lines: z.int(), hash: z.string().describe('of the last line') }),
      codes: ['LRC-5001'],
      act: async () => {
        verifying ??= verify().finally(() => {
          verifying = undefined
        })
        return await verifying
      },
    }),
  ]

  async function linesOf(after: number, end: number): Promise<JournalPage['lines']> {
    const found: JournalPage['lines'][number][] = []
    if (end <= after) return found
    for await (const batch of store.read(after)) {
      for (const { seq, line } of batch) {
        if (seq > end) return found
        found.push(shown(line))
      }
    }
    return found
  }

  async function verify() {
    const last = safeSeq()
    let end = chainStart
    for await (const batch of store.read(0)) {
      for (const line of batch) if (line.seq <= last) end = followLine(store.name, end, line).end
      if (end.seq >= last) break
    }
    return { lines: end.seq, hash: end.hash }
  }
}

/** A line without what only whoever holds the folder needs: the hashes of tokens and of requests. */
function shown(line: string): JournalPage['lines'][number] {
  const { seq, at, type, hash, prev: _, ...fields } = JSON.parse(line) as Record<string, unknown>
  const { secretSha256: __, tokenSha256: ___, request: ____, ...told } = fields
  return { seq: seq as number, at: at as string, type: type as string, hash: hash as string, fields: told }
}
