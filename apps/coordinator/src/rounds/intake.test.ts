import { createHash } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeSafetensors, rawTensor, startUpdateCheck } from '@lorica/peft-core'
import { type LoricaError, parseRunSpec, type UpdateOpen } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { systemRandom } from '../random.js'
import { openRound, stepRound } from '../runs/round.js'
import { systemDisk } from '../store/disk.js'
import { admitUpdate, closingOf, expectationOf, inspectUpdate, roundClosed } from './intake.js'

const spec = parseRunSpec({
  name: 'tone',
  base: { model: './base' },
  peft: { rank: 2 },
  data: { maxTokens: 16 },
  local: { steps: 5, batch: 4, learningRate: 1e-3, accumulate: 2 },
  rounds: { count: 3 },
})
const adapter = new Map([
  ['q.lora_A.weight', [2, 3]],
  ['q.lora_B.weight', [3, 2]],
])
const seats = ['oslo', 'turin'].map((name) => ({ agentId: name, name, assignmentId: `as-${name}` }))
const round = openRound(
  {
    type: 'round-planned',
    runId: 'r',
    round: 2,
    attempt: 1,
    minimum: 2,
    goal: null,
    deadlineAtMs: 9,
    seats,
  },
  '2026-01-02T03:04:06Z',
)
const offer: UpdateOpen = {
  assignmentId: 'as-oslo',
  sha256: 'ab'.repeat(32),
  sizeBytes: 250,
  examples: 40,
  tokens: 640,
  trainMs: 12,
  lossFirst: 3,
  lossLast: 2,
}
const numbers = { tokens: 640, examples: 40, norm: 2, trainMs: 12, lossFirst: 3, lossLast: 2, sizeBytes: 250 }
const acceptedRound = stepRound(
  round,
  {
    type: 'update-accepted',
    runId: 'r',
    round: 2,
    contribution: {
      agentId: 'oslo',
      name: 'oslo',
      assignmentId: 'as-oslo',
      updateSha256: offer.sha256,
      acceptedAt: 'now',
      ...numbers,
    },
  },
  '2026-01-02T03:04:07Z',
)

function codeOf(
  agentId: string,
  changes: Partial<UpdateOpen>,
  state = round,
  when = { nowMs: 8, isUnderWay: false },
): string {
  try {
    const against = { spec, round: state, adapter, ...when }
    const { accepted } = admitUpdate(agentId, { ...offer, ...changes }, against)
    return accepted === null ? 'passes' : 'accepted before'
  } catch (error) {
    return (error as LoricaError).code
  }
}

describe('admitUpdate', () => {
  test('an offer that fits its assignment passes', () => {
    expect(codeOf('oslo', {})).toBe('passes')
    expect(codeOf('oslo', { tokens: 639, examples: 39 })).toBe('passes')
  })

  test.each([
    ['of another agent', 'turin', {}, 'LRC-4001'],
    ['of a stranger', 'milan', {}, 'LRC-4001'],
    ['of an unknown assignment', 'oslo', { assignmentId: 'as-9' }, 'LRC-4001'],
    ['smaller than the adapter', 'oslo', { sizeBytes: 47 }, 'LRC-4003'],
    ['far larger than the adapter', 'oslo', { sizeBytes: 20_000_000 }, 'LRC-4003'],
    ['with more tokens than asked for', 'oslo', { tokens: 641 }, 'LRC-4014'],
    ['with more examples than asked for', 'oslo', { examples: 41 }, 'LRC-4014'],
    ['without examples', 'oslo', { examples: 0 }, 'LRC-4014'],
  ] as const)('an offer %s is refused', (_, agentId, changes, code) => {
    expect(codeOf(agentId, changes)).toBe(code)
  })

  test('a run that asks for int4 takes its size, that of f32, and nothing between', () => {
    const rounded = { ...spec, update: { encoding: 'int4' as const } }
    const refusal = (sizeBytes: number) => {
      try {
        admitUpdate(
          'oslo',
          { ...offer, sizeBytes },
          { spec: rounded, round, adapter, nowMs: 8, isUnderWay: false },
        )
        return 'passes'
      } catch (error) {
        return (error as LoricaError).expected
      }
    }
    expect(refusal(10)).toBe('passes') // 3 and 3 bytes of codes, one scale each
    expect(refusal(9)).toBe('10 bytes (int4) or 48 bytes (f32) and a header')
    expect(refusal(250)).toBe('passes')
  })

  test('a closed round takes nothing', () => {
    const closed = stepRound(round, { type: 'round-closed', runId: 'r', round: 2 }, '2026-01-02T03:04:08Z')
    expect(codeOf('oslo', {}, closed)).toBe('LRC-4002')
  })

  test('after the deadline only an update that is under way goes on', () => {
    expect(codeOf('oslo', {}, round, { nowMs: 9, isUnderWay: false })).toBe('LRC-4002')
    expect(codeOf('oslo', {}, round, { nowMs: 9, isUnderWay: true })).toBe('passes')
    const endless = { ...round, deadlineAtMs: null }
    expect(codeOf('oslo', {}, endless, { nowMs: 9e15, isUnderWay: false })).toBe('passes')
  })

  test('a refusal says when the round closed', () => {
    const closed = stepRound(round, { type: 'round-closed', runId: 'r', round: 2 }, '2026-01-02T03:04:08Z')
    const past = { ...closed, endedAt: '2026-01-02T03:04:09Z', outcome: 'committed', reason: '' } as const
    expect(closingOf({ current: closed, history: [] }, 2)).toBe('2026-01-02T03:04:08Z')
    expect(closingOf({ current: null, history: [past] }, 2)).toBe('2026-01-02T03:04:08Z')
    expect(closingOf({ current: null, history: [{ ...past, closedAt: null }] }, 2)).toBe(
      '2026-01-02T03:04:09Z',
    )
    expect(roundClosed(2, '2026-01-02T03:04:08Z').message).toBe('round 2 closed at 2026-01-02T03:04:08Z')
  })

  test('the same update again is the one that was accepted; another one is a conflict', () => {
    expect(codeOf('oslo', {}, acceptedRound)).toBe('accepted before')
    expect(codeOf('oslo', { sha256: 'cd'.repeat(32) }, acceptedRound)).toBe('LRC-4013')
  })

  test('an update that was refused stays refused with the same code', () => {
    const why = { agentId: 'oslo', name: 'oslo', assignmentId: 'as-oslo', code: 'LRC-4011', message: 'NaN' }
    const refused = stepRound(
      round,
      { type: 'update-refused', runId: 'r', round: 2, ...why },
      '2026-01-02T03:04:08Z',
    )
    expect(codeOf('oslo', {}, refused)).toBe('LRC-4011')
  })
})

const values = [3, -4, 12, 0.5, 0, 0, 84, 0, 0, 0, 0, 0.5]

function update(
  a: readonly number[],
  b: readonly number[],
  data = values,
  names = ['q.lora_A.weight', 'q.lora_B.weight'],
): Uint8Array {
  const half = a.reduce((product, side) => product * side, 1)
  const tensor = (shape: readonly number[], part: readonly number[]) =>
    rawTensor({ shape, data: Float32Array.from(part) })
  const both = [tensor(a, data.slice(0, half)), tensor(b, data.slice(half))]
  return encodeSafetensors(new Map(both.map((raw, index) => [names[index]!, raw])), {
    format: 'pt',
    lorica: 'delta',
  })
}

async function inspect(
  bytes: Uint8Array,
  options: { readonly maxNorm?: number; readonly sha256?: string } = {},
): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'lorica-intake-')), 'update.part')
  await writeFile(path, bytes)
  const sha256 = options.sha256 ?? createHash('sha256').update(bytes).digest('hex')
  const asked = { ...spec, privacy: { clip: options.maxNorm ?? null } }
  const check = startUpdateCheck(bytes.byteLength, expectationOf({ sha256 }, adapter, asked))
  return inspectUpdate(systemDisk(systemRandom()), path, check).then(
    ({ norm }) => `norm ${norm?.toFixed(4)}`,
    (error: LoricaError) => error.code,
  )
}

describe('inspectUpdate', () => {
  test('an update of the adapter gives its norm', async () => {
    expect(await inspect(update([2, 3], [3, 2]))).toBe(`norm ${Math.sqrt(85 ** 2 + 0.5).toFixed(4)}`)
  })

  test('each fault has its code', async () => {
    const good = update([2, 3], [3, 2])
    expect(await inspect(good, { sha256: 'ab'.repeat(32) })).toBe('LRC-4006')
    expect(await inspect(Buffer.from('not safetensors'))).toBe('LRC-4007')
    expect(await inspect(good.subarray(0, good.length - 4))).toBe('LRC-4007')
    expect(await inspect(update([2, 3], [3, 2], values, ['q.lora_A.weight', 'z']))).toBe('LRC-4008')
    expect(await inspect(update([3, 2], [3, 2]))).toBe('LRC-4009')
    const whole = Buffer.from(Buffer.from(good).toString('latin1').replace('"F32"', '"I32"'), 'latin1')
    expect(await inspect(whole)).toBe('LRC-4010')
    expect(await inspect(update([2, 3], [3, 2], values.with(7, Number.NaN)))).toBe('LRC-4011')
    expect(await inspect(good, { maxNorm: 84 })).toBe('LRC-4012')
  })
})
