import {
  auditFindingSchema,
  LoricaError,
  type ReleaseView,
  releaseAuditSchema,
  releaseViewSchema,
} from '@lorica/protocol'
import { z } from 'zod'
import { nextOf, nextSchema, pageOf, pageSchema } from '../api/paging.js'
import { body, type Route, route } from '../api/route.js'
import type { Ledger } from '../ledger.js'
import { releaseNamed } from '../releases/aliases.js'
import { auditOf } from '../releases/audits.js'
import type { Registry } from '../releases/registry.js'
import type { Director } from '../rollouts/director.js'
import type { Blobs } from '../store/blobs.js'
import { aliasesSchema, aliasRoutes } from './aliases-api.js'

const releaseParams = z.object({ id: z.string().describe('the name of the release, or an alias of it') })

/** What the routes about releases act on. */
export interface ReleaseParts {
  readonly ledger: Ledger
  readonly registry: Registry
  readonly blobs: Pick<Blobs, 'whole'>
  readonly director: Pick<Director, 'championMoved' | 'expectNoneOpen'>
}

/** The releases, and the aliases that name some of them. */
export function releasesRoutes({ ledger, registry, blobs, director }: ReleaseParts): readonly Route[] {
  const releaseOf = (name: string): ReleaseView => {
    const release = registry.find(releaseNamed(ledger.aliases(), name))
    if (release !== undefined) return release
    throw new LoricaError('LRC-3007', `no release ${name.slice(0, 80)}`, { received: name.slice(0, 80) })
  }

  return [
    route({
      path: 'GET /api/v1/releases',
      role: 'viewer',
      summary: 'The releases, oldest first, and the aliases',
      query: pageSchema,
      answer: z.object({ releases: z.array(releaseViewSchema), aliases: aliasesSchema, next: nextSchema }),
      act: ({ query }) => {
        const page = pageOf(registry.all(), ({ name }) => name, query)
        const aliases = Object.fromEntries([...ledger.aliases()].toSorted())
        return { releases: page.items, aliases, ...nextOf(page) }
      },
    }),
    route({
      path: 'GET /api/v1/releases/:id',
      role: 'viewer',
      summary: 'One release: its manifest, the signed text, and what audits say',
      params: releaseParams,
      answer: releaseViewSchema,
      codes: ['LRC-3007'],
      act: ({ params }) => {
        const release = releaseOf(params.id)
        const audits = ledger.audits().get(release.name)
        return audits === undefined ? release : { ...release, audits }
      },
    }),
    route({
      path: 'POST /api/v1/releases/:id/audits',
      role: 'operator',
      summary: 'Keeps what an audit counted; a release that it refutes loses its aliases',
      params: releaseParams,
      body: body('audit', auditFindingSchema),
      answer: releaseAuditSchema,
      codes: ['LRC-3001', 'LRC-3007'],
      act: async ({ params, body }) => {
        const { name, manifest } = releaseOf(params.id)
        const audit = auditOf(manifest, body)
        ledger.record({ type: 'release-audited', ...audit })
        if (audit.verdict === 'refuted')
          for (const [alias, named] of ledger.aliases())
            if (named === name) ledger.record({ type: 'alias-moved', alias, release: null })
        await ledger.flush()
        return audit
      },
    }),
    ...aliasRoutes({ ledger, releaseOf, blobs, director }),
  ]
}
