import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  advertisementText,
  decodeFixedPoint,
  encodeFixedPoint,
  measuredElements,
  noisyRing,
  type SumTerms,
  steppedRing,
  summedLoss,
} from '@lorica/privacy'
import {
  createIdentity,
  type Identity,
  type SumRoster,
  signText,
  type TrainAssignment,
} from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { sit } from './hostile-coordinator.fixture.js'
import type { Lies, Sitting } from './sitting.fixture.js'
import { openSumBook } from './store/sum-book.js'
import { assignment } from './work/contribution.fixture.js'

const toTheEnd = [
  'sum.keys',
  'sum.shares',
  'update.open',
  'update.chunk',
  'update.close',
  'sum.confirm',
  'sum.reveal',
]

test('with an honest coordinator every agent goes to the end, and the sum is the plain sum', async () => {
  const { victim, said, sum, terms } = await sit({})
  expect([victim, said]).toEqual(['sum of 4', toTheEnd])
  const values = decodeFixedPoint(sum!.sum, terms.ring, 4)
  expect([...values]).toEqual([0.25 * 6, -2, 4, 0.5])
})

/** Terms with noise of so much of each agent, on values within 1. */
const noisy = (deviation: number) => ({
  ring: noisyRing({ agents: 4, bound: 1 }, { deviation }),
  noise: { deviation, honest: 3 },
})

test('with shared noise every agent adds its part to its own values', async () => {
  const values = () => new Float32Array(20_000).fill(1e-3)
  const { victim, sum, terms } = await sit({ values, terms: noisy(0.25) })
  expect(victim).toBe('sum of 4')
  const noise = decodeFixedPoint(sum!.sum, terms.ring, 4).map((value) => value - 4e-3)
  const variance = noise.reduce((total, one) => total + one * one, 0) / noise.length
  expect(Math.abs(variance / (4 * 0.25 ** 2) - 1)).toBeLessThan(6 * Math.sqrt(2 / noise.length))
})

describe('a coordinator that lies', () => {
  const changed = (roster: SumRoster, at: number, part: object): SumRoster => ({
    ...roster,
    agents: roster.agents.map((one, index) => (index === at ? { ...one, ...part } : one)),
  })
  /** The keys of a peer as it would sign them for other terms. */
  const signedFor = (
    identity: Identity,
    { agent, channelKey, maskKey, seedCommitment }: SumRoster['agents'][number],
    terms: SumTerms,
  ) => ({
    signature: signText(identity, advertisementText(terms, { agent, channelKey, maskKey, seedCommitment })),
  })
  const stranger = createIdentity()
  const rosters: Readonly<Record<string, readonly [Lies['roster'], string]>> = {
    'without the agent': [(one) => ({ ...one, agents: one.agents.slice(1) }), 'LRC-6018'],
    'of too few agents': [(one) => ({ ...one, agents: one.agents.slice(0, 2) }), 'LRC-6018'],
    'with an agent twice': [
      (one) => ({ ...one, agents: [...one.agents.slice(0, 3), one.agents[2]!] }),
      'LRC-6018',
    ],
    'with keys that a peer did not sign': [
      (one) => changed(one, 1, { maskKey: one.agents[2]!.channelKey }),
      'LRC-6019',
    ],
    'with another identity for a peer': [
      (one) => changed(one, 2, { publicKey: stranger.publicKey }),
      'LRC-6019',
    ],
    'with a peer whose id is not of its key': [
      (one) => changed(one, 3, { agent: 'f'.repeat(32), publicKey: stranger.publicKey }),
      'LRC-6019',
    ],
    'with another noise for a peer': [
      (one, ids, sum) => changed(one, 1, signedFor(ids[1]!, one.agents[1]!, { ...sum, ...noisy(0.01) })),
      'LRC-6019',
    ],
    'with other keys for the agent': [
      (one, ids) => changed(one, 0, { signature: signText(ids[0]!, 'x') }),
      'LRC-6019',
    ],
  }
  test.each(Object.entries(rosters))(
    'with a roster %s is refused before a share leaves',
    async (_, [roster, code]) => {
      const { victim, said } = await sit({ roster: roster! })
      expect([victim, said]).toEqual([code, ['sum.keys']])
    },
  )

  const deliveries: Readonly<Record<string, readonly [Lies['delivery'], string]>> = {
    'of too few senders': [(one) => ({ ...one, senders: one.senders.slice(0, 2) }), 'LRC-6018'],
    'that leaves the agent out': [(one) => ({ ...one, senders: one.senders.slice(1) }), 'LRC-6018'],
    'of an unknown sender': [
      (one) => ({ ...one, senders: [...one.senders.slice(0, 3), 'f'.repeat(32)] }),
      'LRC-6018',
    ],
    'with a share that was changed': [
      (one) => ({
        ...one,
        shares: one.shares.map(({ from, sealed }, at) => ({
          from,
          sealed:
            at > 0 ? sealed : Uint8Array.from(sealed, (byte, index) => (index === 40 ? byte ^ 4 : byte)),
        })),
      }),
      'LRC-6020',
    ],
    'with a share missing': [(one) => ({ ...one, shares: one.shares.slice(1) }), 'LRC-6020'],
    'with shares swapped': [
      (one) => ({
        ...one,
        shares: one.shares.map(({ from }, at, all) => ({ from, sealed: all[(at + 1) % all.length]!.sealed })),
      }),
      'LRC-6020',
    ],
  }
  test.each(Object.entries(deliveries))(
    'with a delivery %s gets no masked update',
    async (_, [delivery, code]) => {
      const { victim, said } = await sit({ delivery: delivery! })
      expect([victim, said]).toEqual([code, ['sum.keys', 'sum.shares']])
    },
  )

  test('with agents that it made up, whom the site does not know, gets no shares', async () => {
    const peers = new Set(['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)])
    const { victim, said } = await sit({ company: { minAgents: 3, peers } })
    expect([victim, said]).toEqual(['LRC-6018', toTheEnd.slice(0, 1)])
  })

  test('with one agent that it made up, who could sign two lists of survivors, gets no shares', async () => {
    const sitting = { agents: 5, company: { minAgents: 3 }, knows: [1, 2, 3] }
    const few = await sit({ ...sitting, terms: { minSurvivors: 3 } }) // two and the one could sign either
    expect([few.victim, few.said]).toEqual(['LRC-6018', toTheEnd.slice(0, 1)])
    expect((await sit({ ...sitting, terms: { minSurvivors: 4 } })).victim).toBe('sum of 5')
  })

  test('with agents that it made up, who could do without the word of this one, gets no shares', async () => {
    const values = () => Float32Array.of(0.5, -0.5)
    const sitting = { agents: 9, values, terms: { minSurvivors: 7 }, knows: [1, 2, 3, 4] }
    const many = await sit({ ...sitting, company: { minAgents: 5 } }) // of 8 survivors the 7 others confirm, of whom 4 are made up
    expect([many.victim, many.said]).toEqual(['LRC-6018', toTheEnd.slice(0, 1)])
    expect((await sit({ ...sitting, company: { minAgents: 4 } })).victim).toBe('sum of 9')
  })

  test('with an agent that it made up, on whose noise the promise counts, gets no shares', async () => {
    const values = () => Float32Array.of(0.5, -0.5)
    const sitting = { agents: 5, values, company: { minAgents: 2 }, knows: [1, 2, 3] }
    const terms = (honest: number) => ({
      ...noisy(0.25),
      minSurvivors: 4,
      noise: { deviation: 0.25, honest },
    })
    const five = noisyRing({ agents: 5, bound: 1 }, { deviation: 0.25 })
    const over = await sit({ ...sitting, terms: { ...terms(4), ring: five }, knows: [1, 2] })
    expect([over.victim, over.said]).toEqual(['LRC-6018', toTheEnd.slice(0, 1)])
    expect((await sit({ ...sitting, terms: { ...terms(3), ring: five } })).victim).toBe('sum of 5')
  })

  const survivors: Readonly<Record<string, readonly [Lies['survivors'], string]>> = {
    'too few': [(one) => ({ ...one, survivors: one.survivors.slice(0, 2) }), 'LRC-6018'],
    'without the agent': [(one) => ({ ...one, survivors: one.survivors.slice(1) }), 'LRC-6018'],
    'that were no senders': [
      (one) => ({ ...one, survivors: [...one.survivors.slice(0, 3), 'f'.repeat(32)] }),
      'LRC-6018',
    ],
    'out of order': [(one) => ({ ...one, survivors: [...one.survivors].reverse() }), 'LRC-6018'],
  }
  test.each(Object.entries(survivors))('with survivors %s gets no confirmation', async (_, [lie, code]) => {
    const { victim, said } = await sit({ survivors: lie! })
    expect([victim, said]).toEqual([code, toTheEnd.slice(0, -2)])
  })

  test('with two lists of survivors gets no share from the agent that was told the other one', async () => {
    const { victim, said } = await sit({
      survivors: (one) => ({ ...one, survivors: one.survivors.slice(0, 3) }),
    })
    expect(['LRC-6018', 'LRC-6019']).toContain(victim) // which of its faults is met first depends on the order of the ids
    expect(said).toEqual(toTheEnd.slice(0, -1))
  })

  const confirmations: Readonly<Record<string, readonly [Lies['confirmations'], string]>> = {
    'too few': [(one) => ({ ...one, confirmations: one.confirmations.slice(0, 2) }), 'LRC-6018'],
    'of one agent twice': [
      (one) => ({ ...one, confirmations: [...one.confirmations.slice(0, 2), one.confirmations[1]!] }),
      'LRC-6018',
    ],
    'that were not signed': [
      (one) => ({
        ...one,
        confirmations: one.confirmations.map(({ agent }) => ({
          agent,
          signature: one.confirmations[0]!.signature,
        })),
      }),
      'LRC-6019',
    ],
  }
  test.each(Object.entries(confirmations))('with confirmations %s gets no share', async (_, [lie, code]) => {
    const { victim, said } = await sit({ confirmations: lie! })
    expect([victim, said]).toEqual([code, toTheEnd.slice(0, -1)])
  })

  const terms: Readonly<Record<string, Sitting>> = {
    'that half of the agents could finish twice': { terms: { minSurvivors: 2 } },
    'with a threshold of half': { terms: { threshold: 2 } },
    'of fewer agents than the policy demands': { company: { minAgents: 5 } },
    'whose ring has no room for the updates': { terms: { ring: steppedRing({ agents: 4, bound: 0.5 }) } },
    'whose ring has no room for the noise': {
      terms: { ring: steppedRing({ agents: 4, bound: 1.2 }, 16), noise: { deviation: 0.1, honest: 3 } },
    },
    'that count on the noise of more agents than are in the sum': {
      terms: { ...noisy(0.1), noise: { deviation: 0.1, honest: 4 } },
    },
    'with noise too small for the steps of the ring': {
      terms: { ...noisy(0.1), noise: { deviation: 1e-7, honest: 3 } },
    },
    'without a bound on the update': { clip: null },
    'of more elements than the update has': { terms: { elements: 5 } },
  }
  test.each(Object.entries(terms))('with terms %s gets nothing at all', async (_, sitting) => {
    const { victim, said } = await sit(sitting)
    expect([victim, said]).toEqual(['LRC-6017', []])
  })
})

describe('updates of different trainings make no sum, so that one is not alone with those that came to nothing:', () => {
  const { local } = assignment
  const others: Readonly<Record<string, Partial<TrainAssignment>>> = {
    'a smaller bound': { maxUpdateNorm: 1e-9 },
    'a smaller rate': { local: { ...local, learningRate: 1e-300 } },
    'another adapter': { adapter: { ...assignment.adapter, version: 9 } },
    'less data': { data: { ...assignment.data, holdout: 0.9 } },
  }
  test.each(Object.entries(others))('%s', async (_, other) => {
    const values = () => new Float32Array(4)
    const { said } = await sit({ values, trainedAs: (agent) => (agent === 0 ? {} : other) })
    expect(said).toEqual(['sum.keys'])
  })
})

describe('a sum of losses', () => {
  const inputs = ['sum.keys', 'sum.shares', 'sum.input', 'sum.confirm', 'sum.reveal']
  const measured = (agent: number) => ({ lossSum: 311.25 + 17.0625 * agent, tokens: 129 + agent })

  test('is exact, and no frame has anything of one of them', async () => {
    const { victim, said, sum, frames } = await sit({ measured })
    expect([victim, said]).toEqual(['sum of 4', inputs])
    const lossSum = 4 * 311.25 + 17.0625 * 6
    expect(summedLoss(sum!.sum, 4)).toEqual({ lossSum, tokens: 4 * 129 + 6, sites: 4 })
    const sent = Buffer.concat(frames)
    for (const agent of [0, 1, 2, 3]) {
      const { lossSum: own, tokens } = measured(agent)
      const double = Buffer.alloc(8)
      double.writeDoubleBE(own)
      const plain = Buffer.from(measuredElements({ lossSum: own, tokens }).buffer)
      const forms = [
        double,
        plain.subarray(0, 12),
        plain.subarray(4),
        Buffer.from(String(own)),
        Buffer.from('lossSum'),
      ]
      expect(forms.map((form) => sent.includes(form))).toEqual([false, false, false, false, false])
    }
  })

  test('of an adapter is opened once: not again without one agent, and not of more text', async () => {
    const book = openSumBook(await mkdtemp(join(tmpdir(), 'lorica-book-')))
    const first = await sit({ measured, book })
    expect(first.victim).toBe('sum of 4')
    const fewer = await sit({ measured, book, asked: { round: 4 }, terms: { round: 4, attempt: 2 } }) // other agents, and another round
    expect([fewer.victim, fewer.said]).toEqual(['LRC-6018', inputs.slice(0, -2)])
    const longer = await sit({ measured, book, asked: { maxTokensEvaluated: null } })
    expect([longer.victim, longer.said]).toEqual(['LRC-6018', inputs.slice(0, -2)])
    const other = { version: 3, files: [{ path: 'config.json', sha256: 'cd'.repeat(32), sizeBytes: 12 }] }
    expect((await sit({ measured, book, asked: { adapter: other } })).victim).toBe('sum of 4')
  })

  const lies: Readonly<Record<string, readonly [Partial<Sitting>, string, number]>> = {
    'with noise': [{ terms: { noise: { deviation: 40, honest: 3 } } }, 'LRC-6017', 0],
    'of two agents': [{ terms: { minSurvivors: 2, threshold: 2, degree: 2 }, agents: 3 }, 'LRC-6017', 0],
    'in a ring with steps': [{ terms: { ring: steppedRing({ agents: 4, bound: 65_535 }) } }, 'LRC-6017', 0],
    'of a loss that is not finite': [{ measured: () => ({ lossSum: Number.NaN, tokens: 3 }) }, 'LRC-6017', 0],
    'of a loss below zero': [{ measured: () => ({ lossSum: -0.5, tokens: 3 }) }, 'LRC-6017', 0],
    'that asks one agent for more text than the others': [
      { askedAs: (agent) => (agent === 0 ? { maxTokensEvaluated: 4096 } : {}) },
      'LRC-6010', // its keys are of other terms: the sum ends

      1,
    ],
  }
  test.each(Object.entries(lies))('%s gets nothing of it', async (_, [sitting, code, messages]) => {
    const { victim, said } = await sit({ measured, ...sitting })
    expect([victim, said]).toEqual([code, inputs.slice(0, messages)])
  })
})

test('keys of an earlier sum are refused, also after a restart, and so is another identity of a known peer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-book-'))
  const book = openSumBook(folder)
  let known: SumRoster | undefined
  const first = await sit({
    book,
    roster: (truth) => {
      known = truth
      return truth
    },
  })
  expect(first.victim).toBe('sum of 4')
  const [, second, third] = known!.agents
  const again = openSumBook(folder)
  expect(await again.used('r1')).toEqual(
    new Set(known!.agents.flatMap((one) => [one.channelKey, one.maskKey, one.seedCommitment])),
  )
  expect(await again.meet([{ agent: second!.agent, publicKey: third!.publicKey }], 'c'.repeat(32))).toBe(
    second!.agent,
  )
  expect(await again.meet([second!], 'c'.repeat(32))).toBeUndefined()
  expect([await again.knows('r1'), await again.knows('r2')]).toEqual([true, false])
})

test('what leaves is uniform whatever is below, and no frame has anything of the update', async () => {
  const elements = 40_000
  const below = Float32Array.from({ length: elements }, (_, at) => (at % 3 === 0 ? 0.0078125 : 0)) // one pattern, over and over
  const { frames, masked, sum, terms, victim } = await sit({ values: () => below, agents: 3 })
  expect(victim).toBe('sum of 3')
  expect([...decodeFixedPoint(sum!.sum, terms.ring, 3).slice(0, 4)]).toEqual([0.0234375, 0, 0, 0.0234375])
  for (const vector of masked) {
    for (const shift of [0, 8, 16, 24]) {
      const counts = new Float64Array(256)
      for (const word of vector) counts[(word >>> shift) & 255] = counts[(word >>> shift) & 255]! + 1
      const expected = elements / 256
      const chiSquare = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0)
      expect(chiSquare).toBeLessThan(255 + 6 * Math.sqrt(2 * 255)) // six standard deviations of 255 degrees of freedom
      expect(chiSquare).toBeGreaterThan(255 - 6 * Math.sqrt(2 * 255))
    }
  }
  const plain = Buffer.from(encodeFixedPoint(below.slice(0, 9), terms.ring).buffer)
  const floats = Buffer.from(below.slice(0, 9).buffer)
  const sent = Buffer.concat(frames)
  expect(sent.byteLength).toBeGreaterThan(3 * 4 * elements)
  expect([sent.includes(plain), sent.includes(floats)]).toEqual([false, false])
})
