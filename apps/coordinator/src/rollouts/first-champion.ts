/**
 * A fleet that has no champion yet: the base as it is becomes it, so that the first release has something to be compared with, and to go back to.
 * @module
 */
import { LoricaError, manifestId, type ReleaseManifest, type ReleaseView, SOFTWARE } from '@lorica/protocol'
import { announceTrust } from '../releases/announce-trust.js'
import type { Parts } from '../rounds/parts.js'
import type { Run } from '../runs/run.js'
import { hasPersonal } from '../runs/strategy.js'

type FirstParts = Pick<Parts, 'ledger' | 'registry' | 'identity' | 'clock' | 'trust' | 'roster' | 'log'>

const CHAMPION = 'champion'

/** Whether a release is the base as it is: an adapter before any round, which changes nothing. */
export const isBase = ({ manifest }: { readonly manifest: Pick<ReleaseManifest, 'round'> }): boolean =>
  manifest.round === 0

/** What a rollout of a release would begin from, if the base became the champion now. Throws LoricaError LRC-3021 where agents keep a part of the adapter, or have a release already that only lost its alias. */
export function baseFor(
  release: ReleaseView,
  { ledger, registry }: Pick<FirstParts, 'ledger' | 'registry'>,
): Pick<ReleaseView, 'name' | 'id' | 'manifest'> {
  const { runId } = expectWholeRun(release, ledger)
  const known = knownBase(runId, registry)
  if (known !== undefined) return known
  const name = `v${registry.nextVersion()}`
  return { name, id: '', manifest: { ...release.manifest, name, round: 0 } }
}

/** Makes the base of a release a release of its own, unless it is one, and the champion. Does nothing where there is a champion by then. Throws as `baseFor`. */
export async function makeFirstChampion(release: ReleaseView, parts: FirstParts): Promise<void> {
  const { ledger, registry, log } = parts
  const run = expectWholeRun(release, ledger)
  await registry.withVersion(async (version) => {
    if (registry.find(ledger.aliases().get(CHAMPION) ?? '') !== undefined) return
    const name = knownBase(run.runId, registry)?.name ?? (await releaseBase(version, run, parts))
    log('first-champion', { release: name, run: run.runId })
    ledger.record({ type: 'alias-moved', alias: CHAMPION, release: name })
    await ledger.safe()
  })
}

async function releaseBase(version: number, run: Run, parts: FirstParts): Promise<string> {
  const { ledger, registry, clock, identity, trust } = parts
  if (await trust.renew()) await announceTrust(parts)
  const prepared = await registry.prepare({
    ...{ schema: 1, version, name: `v${version}`, runId: run.runId, runName: run.spec.name, round: 0 },
    parent: null,
    base: { sha256: run.base.sha256, name: run.base.name },
    files: [...run.firstFiles],
    contributions: [],
    evaluation: { loss: null, tokens: 0, perAgent: [] },
    createdAt: new Date(clock.now()).toISOString(),
    software: SOFTWARE,
    coordinatorPublicKey: identity.publicKey,
  })
  const releaseId = manifestId(prepared)
  ledger.record({ type: 'base-released', release: `v${version}`, releaseId, run: run.runId })
  await ledger.safe()
  await registry.confirm(prepared)
  return `v${version}`
}

const knownBase = (runId: string, registry: Pick<FirstParts['registry'], 'all'>): ReleaseView | undefined =>
  registry.all().find((one) => isBase(one) && one.manifest.runId === runId)

function expectWholeRun({ name, manifest }: ReleaseView, ledger: FirstParts['ledger']): Run {
  const last = ledger.rollouts().champion
  if (last !== null)
    throw new LoricaError('LRC-3021', `no release is the champion, and agents have ${last.release} still`, {
      expected: 'a release with the alias champion',
      received: 'none',
      action: `Say that it is: \`lorica releases alias set champion ${last.release}\`.`,
    })
  const run = ledger.run(manifest.runId)
  if (run !== undefined && !hasPersonal(run.spec)) return run
  throw new LoricaError('LRC-3021', `no release is the champion, and ${name} has parts that agents keep`, {
    expected: 'a release with the alias champion',
    received: 'none',
    action: `Make it the release of every agent: \`lorica releases alias set champion ${name}\`.`,
  })
}
