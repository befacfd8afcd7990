import type { ReleaseManifest, ReleaseView } from '@lorica/protocol'
import { bytes, table } from '../screen/format.js'
import { guardLines } from './guard-lines.js'
import { promiseOf } from './promise.js'

/** A release for a person: what it is of, what was measured, who is in it, its files with their hashes, and what to do with it. */
export function releaseLines(
  { name, id, manifest, audits = [] }: ReleaseView,
  aliases: readonly string[],
): readonly string[] {
  const { contributions, evaluation, files, createdAt, coordinatorPublicKey } = manifest
  const known = aliases.length === 0 ? '' : `, also ${aliases.join(', ')}`
  return [
    `${name}${known}: ${originOf(manifest)}`,
    ...facts([
      ['made', createdAt],
      ['base', `${manifest.base.name} (sha256 ${manifest.base.sha256})`],
      ['trained', trainedOf(manifest)],
      ['loss', lossOf(manifest)],
      ['id', id],
      ['fleet of', coordinatorPublicKey],
    ]),
    ...audits.map(({ verdict, reason }) => `audit: ${verdict}: ${reason}`),
    ...promiseOf(manifest),
    ...guardLines(evaluation.guards ?? []),
    ...(contributions.length === 0
      ? []
      : ['', ...table([['agent', 'share', 'loss'], ...sharesOf(manifest)])]),
    '',
    ...table([
      ['file', 'size', 'sha256'],
      ...files.map(({ path, sizeBytes, sha256 }) => [path, bytes(sizeBytes), sha256]),
    ]),
    '',
    `export it: lorica releases export ${name} --out my-adapter`,
    `give it to the fleet: lorica rollout start ${name}`,
  ]
}

function facts(rows: readonly (readonly [string, string | undefined])[]): readonly string[] {
  const there = rows.filter((row): row is readonly [string, string] => row[1] !== undefined)
  const widest = Math.max(...there.map(([what]) => what.length))
  return there.map(([what, text]) => `  ${what.padEnd(widest)}  ${text}`)
}

function originOf({ round, runName, lineage }: ReleaseManifest): string {
  if (round === 0) return 'the base as it is, an adapter that changes nothing'
  const of = lineage === undefined ? '' : ` of ${lineage.rounds.planned}`
  const parents = lineage?.parents.map((parent) => parent.name).join(', ') ?? ''
  return `round ${round}${of} of ${runName}${parents === '' ? '' : `, after ${parents}`}`
}

function trainedOf({ round, lineage }: ReleaseManifest): string | undefined {
  if (round === 0 || lineage === undefined) return undefined
  const { method, rank, strategy, trust, steps, batch, maxTokens } = lineage.settings
  return `${method} of rank ${rank}, ${steps} steps of ${batch} x ${maxTokens} tokens a round, ${strategy} (${trust})`
}

function lossOf({ evaluation: { loss, tokens }, lineage }: ReleaseManifest): string | undefined {
  if (loss === null) return undefined
  const { parent = null, baseline = null } = lineage?.before ?? {}
  const before = [
    ...(parent === null ? [] : [`${parent.toFixed(4)} before`]),
    ...(baseline === null ? [] : [`${baseline.toFixed(4)} of the base`]),
  ]
  return `${loss.toFixed(4)} on ${tokens.toLocaleString('en-US')} held-out tokens${before.length === 0 ? '' : `; ${before.join(', ')}`}`
}

function sharesOf({ contributions, evaluation }: ReleaseManifest): readonly (readonly string[])[] {
  const losses = new Map(evaluation.perAgent.map(({ agentId, loss }) => [agentId, loss]))
  return contributions.map(({ agentId, name, weight }) => [
    name,
    `${(100 * weight).toFixed(1)} %`,
    losses.get(agentId)?.toFixed(4) ?? '-',
  ])
}
