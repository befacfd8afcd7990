import { fitMessage, parseAssignment, parseRunSpec } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { openRound } from '../runs/round.js'
import { createRun, type Run } from '../runs/run.js'
import { roundSeed } from '../runs/seed.js'
import { evaluateAssignment, planRound, trainAssignment } from './plan.js'
import { type Candidate, suitedAgents } from './selection.js'

const spec = parseRunSpec({
  name: 'tone',
  base: { model: './base' },
  peft: { rank: 4 },
  data: { maxTokens: 64 },
  local: { steps: 20, batch: 8, learningRate: 1e-3 },
  rounds: { count: 5, goal: 2, minimum: 2, deadline: '10s' },
  privacy: { clip: 3 },
})
const sha256 = 'ab'.repeat(32)
const files = [{ path: 'adapter_model.safetensors', sha256, sizeBytes: 400 }]
const base = {
  path: '/m',
  folder: '/m',
  name: 'm',
  sha256,
  files: [{ path: 'config.json', sha256, sizeBytes: 90 }],
}
const fresh = createRun(
  { type: 'run-created', runId: 'tone-1', spec, seed: 11, base, files },
  '2026-01-02T03:04:05Z',
)
const agents = ['bern', 'graz', 'oslo'].map((name) => ({ agentId: `id-${name}`, name }))

function planOf(run: Run, connected = agents) {
  let ids = 0
  return planRound(run, connected, { nowMs: 1000, wallMs: 1000, newId: () => `as-${++ids}` })
}

describe('planRound', () => {
  test('as many agents as the goal get a seat and a deadline', () => {
    expect(planOf(fresh)).toEqual({
      kind: 'round',
      event: {
        type: 'round-planned',
        runId: 'tone-1',
        round: 1,
        attempt: 1,
        minimum: 2,
        goal: 2,
        deadlineAtMs: 11_000,
        lateGraceMs: 30_000,
        seats: [
          { agentId: 'id-bern', name: 'bern', assignmentId: 'as-1' },
          { agentId: 'id-graz', name: 'graz', assignmentId: 'as-2' },
        ],
      },
    })
  })

  test('a seat names what its agent trains with', () => {
    const device = { kind: 'webgpu', threads: 4, memoryBytes: 2 ** 33 } as const
    const named = { ...device, name: 'onnxruntime-node 1.30.0' }
    const connected = [device, named].map((one, at) => ({ ...agents[at]!, hello: { device: one } }))
    const plan = planOf(fresh, connected)
    const seats = plan.kind === 'round' ? plan.event.seats : []
    expect(seats.map((seat) => seat.device)).toEqual(['webgpu', 'webgpu: onnxruntime-node 1.30.0'])
  })

  test('too few agents are waited for, in words', () => {
    expect(planOf(fresh, agents.slice(0, 1))).toEqual({
      kind: 'wait',
      reason: 'round 1 needs 2 agents, 1 connected',
      untilMs: null,
    })
  })

  test('agents that refused before are not asked again, and when too few are left the run gives up', () => {
    const run = { ...fresh, attempts: 1, excluded: ['id-bern'] }
    const plan = planOf(run)
    expect(plan.kind === 'round' && plan.event.seats.map(({ name }) => name)).toEqual(['graz', 'oslo'])
    expect(planOf({ ...run, excluded: ['id-bern', 'id-oslo'] }).kind).toBe('give-up')
  })

  test('after three attempts the run gives up', () => {
    expect(planOf({ ...fresh, attempts: 2 }).kind).toBe('round')
    expect(planOf({ ...fresh, attempts: 3 })).toEqual({ kind: 'give-up', reason: 'round 1 failed 3 times' })
  })
})

describe('assignments', () => {
  const plan = planOf({
    ...fresh,
    rounds: [{ contributions: [] }, { contributions: [] }] as unknown as Run['rounds'],
  })
  const round = plan.kind === 'round' ? openRound(plan.event, '2026-01-02T03:04:06Z') : expect.fail('no plan')
  const seat = round.seats.get('id-graz')!

  test('a training assignment is what the protocol says, with the steps before it and the time left', () => {
    const assignment = trainAssignment(fresh, round, seat, { nowMs: 4000, frozen: [], personal: [] })
    expect(parseAssignment(assignment)).toEqual(assignment)
    expect([assignment.round, assignment.local.firstStep, assignment.local.totalSteps]).toEqual([3, 40, 100])
    expect([assignment.deadlineMs, assignment.maxUpdateNorm, assignment.seed]).toEqual([
      37_000,
      3,
      roundSeed(11, 3),
    ])
  })

  test('a proximal pull travels to agents of version 2, and no agent of version 1 is suited for it', () => {
    const pulled = { ...fresh, spec: { ...fresh.spec, local: { ...fresh.spec.local, proximal: 0.03 } } }
    const assignment = trainAssignment(pulled, round, seat, { nowMs: 4000, frozen: [], personal: [] })
    expect(parseAssignment(assignment)).toMatchObject({ local: { proximal: 0.03 } })
    expect(fitMessage('assignment', assignment, 1)).not.toHaveProperty('local.proximal')
    const speaking = (protocol: number) =>
      ({ agentId: `id-${protocol}`, name: 'graz', labels: {}, hello: { protocol } }) as unknown as Candidate
    const { suited, unsuited } = suitedAgents(pulled, [speaking(1), speaking(2)])
    expect(suited.map(({ agentId }) => agentId)).toEqual(['id-2'])
    expect(unsuited.map(({ reason }) => reason)).toEqual([
      'speaks protocol 1, and local.proximal 0.03 needs 2',
    ])
    expect(suitedAgents(fresh, [speaking(1)]).suited).toHaveLength(1)
  })

  test('the noise of a secure sum travels with its terms, and no agent of version 1, which would send its update plain, is suited', () => {
    const noise = { deviation: 0.25, honest: 4 }
    const ring = { agents: 9, bound: 8, fractionBits: 18, bits: 32 }
    const demands = { degree: 8, threshold: 5, minSurvivors: 6, elements: 12, attempt: 2 }
    const terms = { runId: 'r1', round: 3, ring, ...demands, noise }
    const assignment = trainAssignment(fresh, round, seat, { nowMs: 4000, frozen: [], personal: [], terms })
    expect(parseAssignment(assignment)).toMatchObject({ secure: { ...demands, ring, noise } })
    const hidden = { ...fresh.spec.aggregate, trust: 'private' as const }
    const agent = {
      agentId: 'id-1',
      name: 'graz',
      labels: {},
      hello: { protocol: 1 },
    } as unknown as Candidate
    const { unsuited } = suitedAgents({ spec: { ...fresh.spec, aggregate: hidden } }, [agent])
    expect(unsuited.map(({ reason }) => reason)).toEqual([
      'speaks protocol 1, and aggregate.trust private needs 2',
    ])
  })

  test('an evaluation names the adapter to measure', () => {
    const adapter = { version: 6, files }
    const assignment = evaluateAssignment(
      fresh,
      { assignmentId: 'as-9', round: 3, maxTokens: 512 },
      { adapter, personal: [] },
    )
    expect(parseAssignment(assignment)).toEqual(assignment)
    expect([assignment.adapter.version, assignment.maxTokensEvaluated, assignment.batch]).toEqual([6, 512, 8])
  })

  test('seeds differ between rounds and runs, and are those of SHA-256', () => {
    expect(roundSeed(11, 3)).toBe(roundSeed(11, 3))
    expect(new Set([roundSeed(11, 3), roundSeed(11, 4), roundSeed(12, 3)]).size).toBe(3)
    expect(roundSeed(7, 1)).toBe(0xd3d2f579)
  })
})
