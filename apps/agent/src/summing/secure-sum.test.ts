import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Advertisement,
  type Confirmation,
  deliverShares,
  finestRing,
  isRefusal,
  listKeys,
  type Masking,
  type SealedShares,
  type SumRefusal,
  type SumTerms,
} from '@lorica/privacy'
import { createIdentity, type TrainAssignment, trainingHash, verifyText } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSumBook } from '../store/sum-book.js'
import { maskHere } from './masking.js'
import { type SumDelivery, takePart } from './secure-sum.js'
import { createSumMail } from './sum-mail.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-sums-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const identities = [createIdentity(), createIdentity(), createIdentity()].sort((a, b) =>
  a.id < b.id ? -1 : 1,
)
const ring = finestRing({ agents: 3, bound: 1 })
const signal = new AbortController().signal

function taken<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw new Error(step.message)
  return step
}

/** A sum of the first `count` agents that goes on after keys, as a coordinator leads it; what came of each agent. */
async function sumOf(
  count: number,
  { round, attempt }: { readonly round: number; readonly attempt: number },
) {
  const secure = { attempt, elements: 2, ring, degree: 2, threshold: 2, minSurvivors: 2 }
  const assignmentId = 'a'
  const assignment = {
    assignmentId,
    runId: 'toy-1',
    round,
    secure,
    maxUpdateNorm: 1,
  } as unknown as TrainAssignment
  const terms: SumTerms = { runId: 'toy-1', round, ...secure, training: trainingHash(assignment) }
  const mails = identities.map(() => createSumMail())
  const [keys, shares, masked, signed]: [Advertisement[], SealedShares[], number[], Confirmation[]] = [
    [],
    [],
    [],
    [],
  ]
  const active = identities.slice(0, count)
  const verify = (agent: string, text: string, signature: string): boolean => {
    const known = identities.find(({ id }) => id === agent)
    return known !== undefined && verifyText(known.publicKey, text, signature)
  }
  const toActive = (tell: (at: number) => void): void => {
    for (const at of active.keys()) tell(at)
  }
  const deliveryOf = (agent: string): SumDelivery => ({
    async keys({ assignmentId: _, ...own }) {
      keys.push({ agent, ...own })
      if (keys.length < identities.length) return
      const agents = keys.map((one) => ({
        ...one,
        publicKey: identities.find(({ id }) => id === one.agent)?.publicKey ?? '',
      }))
      toActive((at) => mails[at]?.put('sum-roster', { assignmentId, agents }))
    },
    async shares({ shares: own }) {
      shares.push(...own.map(({ to, sealed }) => ({ from: agent, to, sealed: Uint8Array.from(sealed) })))
      if (new Set(shares.map(({ from }) => from)).size < count) return
      const { deliveries } = taken(deliverShares(taken(listKeys(terms, keys, verify)), shares))
      toActive((at) => {
        const own = deliveries.get(active[at]?.id ?? '')
        mails[at]?.put('sum-delivery', {
          ...{ assignmentId, senders: [...(own?.senders ?? [])] },
          shares: (own?.shares ?? []).map(({ from, sealed }) => ({ from, sealed: Buffer.from(sealed) })),
        })
      })
    },
    async masked() {
      masked.push(1)
      const survivors = active.map(({ id }) => id)
      if (masked.length === count)
        toActive((at) => mails[at]?.put('sum-survivors', { assignmentId, survivors }))
    },
    async confirm({ signature }) {
      signed.push({ agent, signature })
      const confirmations = [...signed].sort((a, b) => (a.agent < b.agent ? -1 : 1))
      if (signed.length === count)
        toActive((at) => mails[at]?.put('sum-confirmations', { assignmentId, confirmations }))
    },
    reveal: async () => {},
  })
  const parts = identities.map((identity, at) => ({
    ...{
      agentId: identity.id,
      coordinatorId: 'c'.repeat(32),
      identity,
      mail: mails[at] ?? createSumMail(),
      company: { minAgents: 2, peers: null },
    },
    ...{ book: openSumBook(join(folder, identity.id)), delivery: deliveryOf(identity.id) },
    ...{
      random: (length: number) => randomBytes(length),
      record: async () => {},
      mask: async (one: Masking) => maskHere(one),
    },
  }))
  const all = parts.map((own) => takePart(assignment, Float32Array.of(0.25, -0.5), own, signal))
  for (const one of all) one.catch(() => {})
  return await Promise.allSettled(all.slice(0, count))
}

test('three agents help to open the sum of a round, and again when its coordinator lost it', async () => {
  const survivors = identities.map(({ id }) => id)
  const whole = survivors.map(() => ({ status: 'fulfilled', value: survivors }))
  expect(await sumOf(3, { round: 1, attempt: 1 })).toEqual(whole)
  expect(await sumOf(3, { round: 1, attempt: 2 })).toEqual(whole)
})

test('a coordinator that has a round summed again without one agent, whose update the difference is, is refused', async () => {
  expect((await sumOf(3, { round: 2, attempt: 1 })).map(({ status }) => status)).toEqual(
    Array(3).fill('fulfilled'),
  )
  for (const { status, reason } of (await sumOf(2, { round: 2, attempt: 2 })) as PromiseRejectedResult[]) {
    expect(status).toBe('rejected')
    expect(reason).toMatchObject({
      code: 'LRC-6018',
      message: expect.stringContaining('summed before, of other agents'),
    })
  }
})

test('two agents whose third never sent its shares sum again as they were', async () => {
  expect((await sumOf(2, { round: 3, attempt: 1 })).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
  ])
  expect((await sumOf(2, { round: 3, attempt: 2 })).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
  ])
})
