import { parseRunSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type Candidate, chooseAgents, type Selecting, suitedAgents } from './selection.js'

const names = Array.from({ length: 12 }, (_, index) => `site-${String(index).padStart(2, '0')}`)
const agents: readonly Candidate[] = names.map((name, index) => ({
  agentId: `id-${name}`,
  name,
  labels: { site: index % 3 === 0 ? 'oslo' : 'turin' },
  hello: {
    device: {
      ...{ kind: 'cuda', threads: 8, memoryBytes: 2 ** 34 },
      gpu: { name: 'A10', memoryBytes: (8 + index) * 2 ** 30 },
    },
  },
}))

function selecting(rounds: object, more: Partial<Selecting> = {}): Selecting {
  const spec = parseRunSpec({
    name: 'tone',
    base: { model: './base' },
    data: { maxTokens: 64 },
    local: { steps: 20, batch: 8, learningRate: 1e-3 },
    rounds: { count: 20, ...rounds },
  })
  return { seed: 11, rounds: [], excluded: [], spec, ...more }
}

const namesOf = (chosen: readonly { readonly name: string }[]) => chosen.map(({ name }) => name)

/** Runs rounds in which every chosen agent contributes; how often each one did. */
function contributionsAfter(rounds: number, goal: number): ReadonlyMap<string, number> {
  const counts = new Map(names.map((name) => [name, 0]))
  const records: { contributions: { agentId: string }[] }[] = []
  for (let round = 1; round <= rounds; round++) {
    const run = selecting({ goal }, { rounds: records as unknown as Selecting['rounds'] })
    const chosen = chooseAgents(run, round, agents)
    records.push({ contributions: chosen.map(({ agentId }) => ({ agentId })) })
    for (const { name } of chosen) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

describe('suitedAgents', () => {
  test('labels and device facts select, and the rest have a reason', () => {
    const run = selecting({ where: 'label.site in (oslo, bern) and gpu.vramGiB >= 12' })
    const { suited, unsuited } = suitedAgents(run, agents)
    expect(namesOf(suited)).toEqual(['site-06', 'site-09'])
    expect(unsuited[0]?.reason).toBe('gpu.vramGiB is 8, needed: >= 12')
    expect(unsuited[1]?.reason).toBe('label.site is turin, needed: in (oslo, bern)')
    expect(suited.length + unsuited.length).toBe(12)
  })

  test.each(['ffa', 'flora', 'fedex'] as const)(
    'agents of protocol 1 would train all of an adapter, of which %s trains a part',
    (strategy) => {
      const { spec, ...run } = selecting({})
      const aggregate = { ...spec.aggregate, strategy }
      const [first, ...others] = agents
      const old = { ...first!, hello: { ...first!.hello!, protocol: 1 } }
      const { suited, unsuited } = suitedAgents({ ...run, spec: { ...spec, aggregate } }, [old, ...others])
      expect(namesOf(suited)).toEqual(names.slice(1))
      expect(unsuited[0]?.reason).toBe(`speaks protocol 1, and aggregate.strategy ${strategy} needs 2`)
      expect(suitedAgents({ ...run, spec }, [old]).suited).toHaveLength(1)
    },
  )
})

describe('chooseAgents', () => {
  test('without a goal everyone who is willing takes part', () => {
    const run = selecting({}, { excluded: ['id-site-03'] })
    expect(namesOf(chooseAgents(run, 1, agents))).toEqual(names.filter((name) => name !== 'site-03'))
  })

  test('a seed repeats its choice, whatever the order of agents; other seeds and rounds choose otherwise', () => {
    const run = selecting({ goal: 5 })
    const chosen = namesOf(chooseAgents(run, 4, agents))
    expect(chosen).toHaveLength(5)
    expect(namesOf(chooseAgents(run, 4, agents.toReversed())).toSorted()).toEqual(chosen)
    expect(namesOf(chooseAgents(run, 5, agents))).not.toEqual(chosen)
    expect(namesOf(chooseAgents({ ...run, seed: 12 }, 4, agents))).not.toEqual(chosen)
  })

  test('more than the goal are invited when the run says so: 5 and 30 % are 7', () => {
    expect(chooseAgents(selecting({ goal: 5, overSelect: '30%' }), 1, agents)).toHaveLength(7)
    expect(chooseAgents(selecting({ goal: 11, overSelect: '30%' }), 1, agents)).toHaveLength(12)
  })

  test('over many rounds the agents take part equally often, to one', () => {
    const counts = [...contributionsAfter(9, 5).values()] // 45 seats for 12 agents
    expect(Math.min(...counts)).toBe(3)
    expect(Math.max(...counts)).toBe(4)
  })
})
