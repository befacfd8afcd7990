import { LoricaError, type ReleaseView } from '@lorica/protocol'
import { z } from 'zod'
import { entityTag, expectUnchanged, preconditionHeaders } from '../api/precondition.js'
import { body, type Route, route } from '../api/route.js'
import type { Ledger } from '../ledger.js'
import { expectAlias } from '../releases/aliases.js'
import { expectUnrefuted } from '../releases/audits.js'
import type { Director } from '../rollouts/director.js'
import { CHAMPION } from '../rollouts/starting.js'
import type { Blobs } from '../store/blobs.js'

const aliasSchema = z.strictObject({ release: z.string().max(80).describe('its name, or an alias of it') })
const aliasParams = z.object({ alias: z.string() })
const beforeSchema = z.string().nullable().describe('the release that it named until now; null: none')

/** The aliases, and the release that each names. */
export const aliasesSchema = z.record(z.string(), z.string())

/** The names that stand for a release, and can be moved to another one. `releaseOf` finds a release by its name or alias. */
export function aliasRoutes({
  ledger,
  releaseOf,
  blobs,
  director,
}: {
  readonly ledger: Ledger
  readonly releaseOf: (name: string) => ReleaseView
  readonly blobs: Pick<Blobs, 'whole'>
  readonly director: Pick<Director, 'championMoved' | 'expectNoneOpen'>
}): readonly Route[] {
  return [
    route({
      path: 'GET /api/v1/aliases',
      role: 'viewer',
      summary: 'The aliases, and the release that each names',
      answer: z.object({ aliases: aliasesSchema }),
      act: () => ({ aliases: Object.fromEntries([...ledger.aliases()].toSorted()) }),
    }),
    route({
      path: 'GET /api/v1/aliases/:alias',
      role: 'viewer',
      summary: 'The release that an alias names, with an entity tag to move it by',
      params: aliasParams,
      answer: z.object({ alias: z.string(), release: z.string() }),
      codes: ['LRC-3018'],
      act: ({ params: { alias }, reply }) => {
        const release = ledger.aliases().get(alias)
        if (release === undefined) throw unknownAlias(alias)
        void reply.header('etag', entityTag(release))
        return { alias, release }
      },
    }),
    route({
      path: 'POST /api/v1/aliases/:alias',
      role: 'operator',
      summary: 'Sets or moves an alias, to a release whose files are whole',
      params: aliasParams,
      headers: preconditionHeaders,
      body: body('alias', aliasSchema),
      answer: z.object({ alias: z.string(), release: z.string(), before: beforeSchema }),
      codes: ['LRC-1015', 'LRC-3007', 'LRC-3017', 'LRC-3018', 'LRC-3022', 'LRC-5002'],
      act: async ({ params: { alias }, body: { release: named }, request: { headers }, reply }) => {
        expectAlias(alias)
        const { name: release, manifest } = releaseOf(named)
        expectUnrefuted(ledger.audits(), release)
        for (const { sha256 } of manifest.files) await blobs.whole(sha256) // an alias names what is whole
        const before = ledger.aliases().get(alias) ?? null
        expectUnchanged(headers, before)
        if (before !== release) {
          if (alias === CHAMPION) director.expectNoneOpen()
          ledger.record({ type: 'alias-moved', alias, release })
          if (alias === CHAMPION) director.championMoved()
        }
        await ledger.flush()
        void reply.header('etag', entityTag(release))
        return { alias, release, before }
      },
    }),
    route({
      path: 'POST /api/v1/aliases/:alias/remove',
      role: 'operator',
      summary: 'Takes an alias away',
      params: aliasParams,
      headers: preconditionHeaders,
      answer: z.object({ alias: z.string(), before: beforeSchema }),
      codes: ['LRC-1015', 'LRC-3018'],
      act: async ({ params: { alias }, request: { headers } }) => {
        const before = ledger.aliases().get(alias)
        expectUnchanged(headers, before ?? null)
        if (before === undefined) throw unknownAlias(alias)
        ledger.record({ type: 'alias-moved', alias, release: null })
        await ledger.flush()
        return { alias, before }
      },
    }),
  ]

  function unknownAlias(alias: string): LoricaError {
    return new LoricaError('LRC-3018', `no release has the alias ${alias.slice(0, 64)}`, {
      expected: [...ledger.aliases().keys()].join(', ') || 'an alias that was set',
      received: alias.slice(0, 64),
    })
  }
}
