import type { ReleaseManifest, ReleaseView } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { lineageOf } from './lineage.js'
import { reasonsOf, spans } from './reasons.js'
import { betterText, manifestFacts } from './release-difference.js'
import { may } from './role.js'

const manifest = (
  version: number,
  runId: string,
  parent: string | null,
  loss: number | null,
): ReleaseManifest =>
  ({
    ...{ version, name: `v${version}`, runId, runName: runId, round: version, parent },
    ...{ base: { name: 'moby', sha256: 'ab'.repeat(32) }, evaluation: { loss, tokens: 300, perAgent: [] } },
    ...{
      contributions: [{ name: 'turin' }, { name: 'oslo' }],
      files: [{ sizeBytes: 441_300 }, { sizeBytes: 1100 }],
    },
    ...{ createdAt: '2026-05-06T07:08:09.000Z', software: 'lorica/0.1.0' },
  }) as unknown as ReleaseManifest
const release = (...given: Parameters<typeof manifest>): ReleaseView =>
  ({ name: `v${given[0]}`, manifest: manifest(...given) }) as unknown as ReleaseView

const releases = [
  release(1, 'tone-1', null, 3),
  release(3, 'voice-2', null, 2.5),
  release(2, 'tone-1', 'v1', 2.8),
  release(4, 'tone-1', 'v2', 2.6),
]

test('each run has a lane, each release a column, and an edge from what it was trained from', () => {
  const { nodes, edges, lanes, hidden } = lineageOf(releases, { champion: 'v2', candidate: 'v4' })
  expect(lanes).toEqual(['tone-1', 'voice-2'])
  expect(nodes.map(({ name, column, lane, aliases }) => [name, column, lane, ...aliases])).toEqual([
    ['v1', 0, 0],
    ['v2', 1, 0, 'champion'],
    ['v3', 2, 1],
    ['v4', 3, 0, 'candidate'],
  ])
  expect(edges.map(({ from, to }) => [from.name, to.name])).toEqual([
    ['v1', 'v2'],
    ['v2', 'v4'],
  ])
  expect(hidden).toBe(0)
})

test('of many releases the newest are shown, without edges to what is not', () => {
  const { nodes, edges, hidden } = lineageOf(releases, {}, 2)
  expect([nodes.map(({ name }) => name), edges, hidden]).toEqual([['v3', 'v4'], [], 2])
})

test('two releases are told apart by what differs, and the better one by its loss', () => {
  const [old, next] = [manifest(1, 'tone-1', null, 3), manifest(2, 'tone-1', 'v1', 2.4)]
  const facts = manifestFacts(old, { ...next, contributions: next.contributions.toReversed() })
  expect(facts.filter(({ isSame }) => !isSame).map(({ name, from, to }) => [name, from, to])).toEqual([
    ['Round', '1', '2'],
    ['Parent', 'none: the first of its run', 'v1'],
    ['Held-out loss', '3.0000', '2.4000'],
  ])
  expect(betterText(old, next)).toBe('v2 is better than v1: its loss is 20.0 % lower.')
  expect(betterText(next, old)).toBe('v1 is worse than v2: its loss is 25.0 % higher.')
  expect(betterText(old, manifest(2, 'tone-1', 'v1', null))).toBeNull()
})

test('reasons of all rounds are counted together', () => {
  const declined = { kind: 'declined', code: 'LRC-6021' } as const
  const rounds = [
    { round: 1, reasons: [{ ...declined, count: 2 }] },
    {
      round: 2,
      reasons: [
        { ...declined, count: 1 },
        { kind: 'refused' as const, code: 'LRC-4005', count: 4 },
      ],
    },
  ]
  expect(reasonsOf(rounds)).toEqual([
    { kind: 'refused', code: 'LRC-4005', count: 4, rounds: [2] },
    { ...declined, count: 3, rounds: [1, 2] },
  ])
  expect([spans([1, 2, 3, 7]), spans([4]), spans([])]).toEqual(['1 to 3, 7', '4', ''])
})

test('a role may what those before it may', () => {
  expect((['viewer', 'operator', 'admin'] as const).map((role) => may(role, 'start-run'))).toEqual([
    false,
    true,
    true,
  ])
  expect(may('operator', 'admit-agent')).toBe(false)
  expect(may(undefined, 'cordon')).toBe(false)
})
