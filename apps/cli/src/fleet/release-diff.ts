import { type Adapter, adapterReader, gramMatrix } from '@lorica/peft-core'
import { LoricaError, type ReleaseManifest } from '@lorica/protocol'
import { table } from '../screen/format.js'
import type { Api } from './api.js'
import { fleetTrust } from './fleet-trust.js'
import { releaseAdapter, releaseOf, verified } from './release-files.js'

/** How far one release is from another, in the model: norms of what they add to its weights, and of the difference. */
export interface ModuleDifference {
  readonly module: string
  readonly norm: number // of what the first one adds
  readonly difference: number // of the second from it
  readonly relative: number | null // difference / norm; null: the first adds nothing
}

export interface ReleaseDifference {
  readonly from: string
  readonly to: string
  readonly facts: readonly { readonly what: string; readonly from: string; readonly to: string }[] // that differ
  readonly norm: number
  readonly difference: number
  readonly relative: number | null
  readonly modules: readonly ModuleDifference[] // the most changed first
}

/** Two verified releases held against each other: what their manifests say, and what they do to the model. Throws LoricaError LRC-8001 for different bases. */
export async function releaseDifference(
  api: Api,
  names: readonly [string, string],
): Promise<ReleaseDifference> {
  const trust = await fleetTrust(api)
  const [from, to] = await Promise.all(names.map(async (name) => verified(await releaseOf(api, name), trust)))
  if (from === undefined || to === undefined) throw new RangeError('two releases expected')
  if (from.base.sha256 !== to.base.sha256)
    throw new LoricaError('LRC-8001', `${from.name} and ${to.name} are adapters of different models`, {
      expected: `two releases of ${from.base.name} (${from.base.sha256.slice(0, 12)})`,
      received: `${to.base.name} (${to.base.sha256.slice(0, 12)})`,
    })
  const adapters = [await releaseAdapter(api, from), await releaseAdapter(api, to)] as const
  return { from: from.name, to: to.name, facts: differingFacts(from, to), ...(await distance(...adapters)) }
}

/** The norms of two adapters of one model and of their difference, over all modules and all other tensors, and by module. */
export async function distance(
  from: Adapter,
  to: Adapter,
): Promise<Pick<ReleaseDifference, 'norm' | 'difference' | 'relative' | 'modules'>> {
  const [old, none, next] = [adapterReader(from), adapterReader(zeroed(from)), adapterReader(to)]
  const normOf = async (start: typeof old, end: typeof old, parts: Partial<typeof old>): Promise<number> => {
    const gram = await gramMatrix(start, [{ id: 'adapter', ...end }], { modules: [], tensors: [], ...parts })
    return Math.sqrt(Math.max(0, gram.data[0] as number))
  }
  const compared = async (parts: Partial<typeof old>) => {
    const [norm, difference] = [await normOf(none, old, parts), await normOf(old, next, parts)]
    return { norm, difference, relative: norm === 0 ? null : difference / norm }
  }
  const modules: ModuleDifference[] = []
  for (const module of old.modules) modules.push({ module, ...(await compared({ modules: [module] })) })
  const { modules: all, tensors } = old
  return {
    ...(await compared({ modules: all, tensors })),
    modules: modules.toSorted((one, other) => other.difference - one.difference),
  }
}

function zeroed({ config, tensors }: Adapter): Adapter {
  const zeros = [...tensors].map(
    ([name, { shape, data }]) => [name, { shape, data: new Float32Array(data.length) }] as const,
  )
  return { config, tensors: new Map(zeros) }
}

function differingFacts(from: ReleaseManifest, to: ReleaseManifest): ReleaseDifference['facts'] {
  const factsOf = (one: ReleaseManifest): readonly (readonly [string, string])[] => [
    ['run', `${one.runName} (${one.runId})`],
    ['round', String(one.round)],
    ['parent', one.parent ?? '-'],
    ['held-out loss', one.evaluation.loss?.toFixed(4) ?? '-'],
    ['held-out tokens', String(one.evaluation.tokens)],
    ['agents', one.contributions.map(({ name }) => name).join(', ')],
    ['created', one.createdAt],
    ['software', one.software],
  ]
  const second = new Map(factsOf(to))
  return factsOf(from)
    .map(([what, value]) => ({ what, from: value, to: second.get(what) ?? '-' }))
    .filter((fact) => fact.from !== fact.to)
}

const SHOWN = 12 // modules

/** A difference as people read it. */
export function differenceLines(found: ReleaseDifference): readonly string[] {
  const { from, to, facts, norm, difference, relative, modules } = found
  const share = (part: number | null): string => (part === null ? '-' : `${(100 * part).toPrecision(3)} %`)
  const rows = modules
    .slice(0, SHOWN)
    .map((one) => [one.module, one.norm.toPrecision(4), one.difference.toPrecision(4), share(one.relative)])
  const rest = modules.length - rows.length
  return [
    ...table([['', from, to], ...facts.map((fact) => [fact.what, fact.from, fact.to])]),
    '',
    `in the model: ${from} adds ${norm.toPrecision(4)} (L2 over all weights), ${to} is ${difference.toPrecision(4)} from it, ${share(relative)}`,
    ...table([['module', `norm of ${from}`, 'difference', 'share'], ...rows]),
    ...(rest > 0 ? [`and ${rest} modules that changed less`] : []),
  ]
}
