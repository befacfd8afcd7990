import { LoricaError, parseAuditFinding, type ReleaseView, readMessage } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Ledger } from '../ledger.js'
import { expectAlias, releaseNamed } from '../releases/aliases.js'
import { auditOf, expectUnrefuted } from '../releases/audits.js'
import type { Registry } from '../releases/registry.js'
import type { Blobs } from '../store/blobs.js'

const aliasSchema = z.strictObject({ release: z.string().max(80) })

type ById = { Params: { id: string } }
type ByAlias = { Params: { alias: string } }

/** The releases, and the aliases that name some of them. */
export function releasesApi(
  api: FastifyInstance,
  {
    ledger,
    registry,
    blobs,
  }: { readonly ledger: Ledger; readonly registry: Registry; readonly blobs: Pick<Blobs, 'whole'> },
): void {
  const releaseOf = (name: string): ReleaseView => {
    const release = registry.find(releaseNamed(ledger.aliases(), name))
    if (release !== undefined) return release
    throw new LoricaError('LRC-3007', `no release ${name.slice(0, 80)}`, { received: name.slice(0, 80) })
  }
  const shown = () => Object.fromEntries([...ledger.aliases()].toSorted())

  api.get('/api/v1/releases', async () => ({ releases: registry.all(), aliases: shown() }))
  api.get<ById>('/api/v1/releases/:id', async ({ params }) => {
    const release = releaseOf(params.id)
    const audits = ledger.audits().get(release.name)
    return audits === undefined ? release : { ...release, audits }
  })
  api.post<ById>('/api/v1/releases/:id/audits', async ({ params, body }) => {
    const { name, manifest } = releaseOf(params.id)
    const audit = auditOf(manifest, parseAuditFinding(body))
    ledger.record({ type: 'release-audited', ...audit })
    if (audit.verdict === 'refuted')
      for (const [alias, named] of ledger.aliases())
        if (named === name) ledger.record({ type: 'alias-moved', alias, release: null })
    await ledger.flush()
    return audit
  })
  api.get('/api/v1/aliases', async () => ({ aliases: shown() }))
  api.post<ByAlias>('/api/v1/aliases/:alias', async ({ params: { alias }, body }) => {
    const { release: named } = readMessage(aliasSchema, 'alias', body)
    expectAlias(alias)
    const { name: release, manifest } = releaseOf(named)
    expectUnrefuted(ledger.audits(), release)
    for (const { sha256 } of manifest.files) await blobs.whole(sha256) // an alias names what is whole
    const before = ledger.aliases().get(alias) ?? null
    if (before !== release) ledger.record({ type: 'alias-moved', alias, release })
    await ledger.flush()
    return { alias, release, before }
  })
  api.post<ByAlias>('/api/v1/aliases/:alias/remove', async ({ params: { alias } }) => {
    const before = ledger.aliases().get(alias)
    if (before === undefined)
      throw new LoricaError('LRC-3018', `no release has the alias ${alias.slice(0, 64)}`, {
        expected: [...ledger.aliases().keys()].join(', ') || 'an alias that was set',
        received: alias.slice(0, 64),
      })
    ledger.record({ type: 'alias-moved', alias, release: null })
    await ledger.flush()
    return { alias, before }
  })
}
