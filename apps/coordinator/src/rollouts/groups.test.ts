import { parseRolloutSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { type Choice, groupsOf } from './groups.js'

const agents = (count: number, isConnected: (at: number) => boolean = () => true): readonly Choice[] =>
  Array.from({ length: count }, (_, at) => ({
    agentId: `a${at}`,
    facts: { name: `a${at}`, 'label.site': at < 3 ? 'oslo' : 'turin' },
    isConnected: isConnected(at),
  }))
const sizes = (groups: readonly unknown[], fleet: readonly Choice[], draw = 'rollout-1') =>
  groupsOf(parseRolloutSpec({ groups }), fleet, draw).groups.map((group) => group.agents.length)

describe('the groups of a rollout', () => {
  test('are cumulative: counts and shares of the fleet, each agent in one of them', () => {
    expect(sizes([1, '10%', '50%', '100%'], agents(40))).toEqual([1, 3, 16, 20])
    const { groups } = groupsOf(parseRolloutSpec({}), agents(40), 'rollout-1')
    expect(new Set(groups.flatMap((group) => group.agents)).size).toBe(40)
  })

  test('of a small fleet leave out shares that add nobody, and say so', () => {
    const { groups, notes } = groupsOf(parseRolloutSpec({}), agents(3), 'rollout-1')
    expect(groups.map((group) => group.agents.length)).toEqual([1, 1, 1])
    expect(groups.map(({ name }) => name)).toEqual(['1', '50%', '100%'])
    expect(notes).toEqual(['10% adds nobody to the groups before it, and is left out'])
    expect(sizes(['100%'], agents(1))).toEqual([1])
  })

  test('may be cohorts: a share of the agents that a condition selects', () => {
    const plan = parseRolloutSpec({
      groups: [{ size: '50%', where: 'label.site == oslo' }, { where: 'label.site == oslo' }, '100%'],
    })
    const { groups } = groupsOf(plan, agents(10), 'rollout-1')
    expect(groups.map((group) => group.agents.length)).toEqual([2, 1, 7])
    expect(
      groups
        .slice(0, 2)
        .flatMap((group) => group.agents)
        .toSorted(),
    ).toEqual(['a0', 'a1', 'a2'])
  })

  test('take connected agents first, and others for another rollout', () => {
    const fleet = agents(20, (at) => at >= 15)
    const first = (draw: string) =>
      groupsOf(parseRolloutSpec({ groups: [2, '100%'] }), fleet, draw).groups[0]?.agents ?? []
    expect(first('rollout-1').every((name) => Number(name.slice(1)) >= 15)).toBe(true)
    expect(new Set(Array.from({ length: 9 }, (_, at) => first(`rollout-${at}`).join())).size).toBeGreaterThan(
      1,
    )
    expect(first('rollout-1')).toEqual(first('rollout-1'))
  })
})
