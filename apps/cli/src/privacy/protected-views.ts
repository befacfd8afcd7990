/**
 * An update as a coordinator sees it: as it is, clipped, with noise, or masked for a secure sum.
 * @module
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import type { TensorMap } from '@lorica/peft-core'
import {
  advertise,
  clip,
  deliverShares,
  encodeFixedPoint,
  finestRing,
  isRefusal,
  jointNorm,
  listKeys,
  maskInput,
  openNoisySum,
  type SumRefusal,
  shareSecrets,
} from '@lorica/privacy'
import type { Gradients } from './invert.js'

export interface View {
  readonly name: 'plain update' | 'clipped update' | 'clipped update with noise' | 'masked update'
  readonly gradients: Gradients
}

/** Every view of an update. The clip is a tenth of its norm, the noise `noiseMultiplier` times the clip. */
export async function viewsOf(update: TensorMap, noiseMultiplier: number): Promise<readonly View[]> {
  const bound = jointNorm(update) / 10
  const { tensors: clipped } = clip(update, bound)
  return [
    { name: 'plain update', gradients: update },
    { name: 'clipped update', gradients: clipped },
    { name: 'clipped update with noise', gradients: noised(clipped, bound, noiseMultiplier) },
    { name: 'masked update', gradients: await masked(clipped, bound) },
  ]
}

function noised(clipped: TensorMap, bound: number, noiseMultiplier: number): Gradients {
  const shapes = new Map([...clipped].map(([name, { shape }]) => [name, shape]))
  const sum = openNoisySum({ shapes, clip: bound, noiseMultiplier })
  sum.add(clipped)
  const released = [...sum.close().values()].flatMap((values) => [...values])
  return withValues(clipped, released)
}

const AGENTS = ['a', 'b', 'c'] as const

/** What agent `a` sends into a secure sum of three, read as numbers: all that the coordinator has of it. */
async function masked(clipped: TensorMap, bound: number): Promise<Gradients> {
  const values = [...clipped.values()].flatMap(({ data }) => [...data])
  const ring = finestRing({ agents: AGENTS.length, bound })
  const terms = { runId: 'demonstration', round: 1, attempt: 1, elements: values.length, ring }
  const plan = { ...terms, degree: 2, threshold: 2, minSurvivors: 2 }
  const keys = new Map<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>(
    AGENTS.map((agent) => [agent, generateKeyPairSync('ed25519')]),
  )
  const verifyText = (agent: string, text: string, signature: string): boolean => {
    const key = keys.get(agent)?.publicKey
    return key !== undefined && verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))
  }
  const started = AGENTS.map((self) =>
    taken(
      advertise({
        ...{ self, terms: plan, minAgents: 2, random: () => randomBytes(32) },
        sign: (text) =>
          sign(null, Buffer.from(text), keys.get(self)?.privateKey as KeyObject).toString('base64url'),
      }),
    ),
  )
  const advertisements = started.map(({ advertisement }) => advertisement)
  const listed = taken(listKeys(plan, advertisements, verifyText))
  const shared = await Promise.all(
    started.map(async ({ next }) => taken(await shareSecrets(next, advertisements, verifyText, new Set()))),
  )
  const { deliveries } = taken(
    deliverShares(
      listed,
      shared.flatMap(({ shares }) => shares),
    ),
  )
  const [own] = shared as [(typeof shared)[number]]
  const delivery = deliveries.get('a')
  if (delivery === undefined) throw new Error('expected shares for agent a, got none')
  const { input } = taken(maskInput(own.next, delivery, encodeFixedPoint(values, ring)))
  const half = 2 ** (ring.bits - 1)
  return withValues(
    clipped,
    Array.from(input.vector, (element) => (element >= half ? element - 2 * half : element) / half),
  )
}

function taken<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw new Error(`${step.refused}: ${step.message}`)
  return step
}

/** Tensors of the same names and shapes with other values. */
function withValues(tensors: TensorMap, values: readonly number[]): Gradients {
  let start = 0
  return new Map(
    [...tensors].map(([name, { shape, data }]) => {
      const part = Float32Array.from(values.slice(start, start + data.length))
      start += data.length
      return [name, { shape, data: part }]
    }),
  )
}
