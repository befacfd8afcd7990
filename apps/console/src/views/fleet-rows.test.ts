import type { AgentView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { agentState } from './agent-state.js'
import { deviceText, filterCounts, fleetRows, memoryOf, versionCounts, waitingAgents } from './fleet-rows.js'
import { labelChoices } from './label-choices.js'

const agent = (name: string, changed: Partial<AgentView> = {}): AgentView => ({
  ...{ agentId: `id-${name}`, name, labels: {}, isCordoned: false, state: 'connected' as const },
  ...{
    joinedAt: '2026-05-06T07:08:09.000Z',
    software: 'lorica/0.1.0',
    doing: null,
    pendingKeyId: null,
    alarm: null,
  },
  device: { kind: 'cpu', threads: 4, memoryBytes: 16e9 },
  dataset: { documents: 30 },
  ...changed,
})
const doing = { kind: 'train', runId: 'tone-1', round: 2 } as const
const gpu = {
  kind: 'cuda',
  name: 'NVIDIA L4',
  threads: 8,
  memoryBytes: 64e9,
  gpu: { name: 'L4', memoryBytes: 24e9 },
}
const fleet = [
  agent('oslo-1', { labels: { site: 'oslo' }, doing }),
  agent('oslo-2', { labels: { site: 'oslo' }, isCordoned: true, doing, device: gpu }),
  agent('turin-1', { labels: { site: 'turin' }, state: 'away', software: null }),
  agent('graz-1', { state: 'pending', software: 'lorica/0.2.0' }),
  agent('porto-1', { pendingKeyId: 'ab12', software: 'lorica/0.0.9' }),
  agent('riga-1', { state: 'left', isCordoned: true, labels: { site: 'riga' } }),
]

test('each filter counts its agents, and only one of them those that left', () => {
  expect(filterCounts(fleet)).toEqual({
    all: 5,
    connected: 3,
    working: 2,
    away: 1,
    cordoned: 1,
    alarm: 0,
    left: 1,
  })
})

test('every word of a search has to occur in something of an agent', () => {
  const found = (search: string) => fleetRows(fleet, 'all', search).map(({ name }) => name)
  expect(found('site=oslo')).toEqual(['oslo-1', 'oslo-2'])
  expect(found('OSLO nvidia')).toEqual(['oslo-2'])
  expect(found('id-turin')).toEqual(['turin-1'])
  expect(found('riga')).toEqual([])
})

test('those who wait are new agents and new keys of known ones', () => {
  expect(waitingAgents(fleet).map(({ name }) => name)).toEqual(['graz-1', 'porto-1'])
})

test('only versions that are connected count, the most frequent first', () => {
  expect(versionCounts(fleet)).toEqual([
    { software: 'lorica/0.1.0', agents: 2 },
    { software: 'lorica/0.0.9', agents: 1 },
  ])
})

test('a device is told by what trains in it', () => {
  expect(fleet.slice(0, 2).map(({ device }) => [deviceText(device), memoryOf(device)])).toEqual([
    ['CPU, 4 threads', 16e9],
    ['NVIDIA L4', 24e9],
  ])
})

test('an agent that is cordoned drains until it has nothing to do', () => {
  expect(fleet.map((one) => agentState(one).text)).toEqual([
    'working',
    'draining',
    'away',
    'pending',
    'connected',
    'left',
  ])
})

test('labels offer the values that agents have, unless they only name them', () => {
  const named = Array.from({ length: 20 }, (_, index) =>
    agent(`x${index}`, { labels: { host: `h${index}`, site: 'bari' } }),
  )
  expect(labelChoices([...fleet, ...named])).toEqual([
    {
      label: 'site',
      values: [
        { value: 'bari', agents: 20 },
        { value: 'oslo', agents: 2 },
        { value: 'turin', agents: 1 },
      ],
    },
  ])
})

test('five thousand agents are counted and searched', () => {
  const many = Array.from({ length: 5000 }, (_, index) =>
    agent(`site-${index}`, { labels: { rack: `r${index % 40}` } }),
  )
  expect(filterCounts(many).all).toBe(5000)
  expect(fleetRows(many, 'connected', 'rack=r7 site-4')).toHaveLength(29)
})
