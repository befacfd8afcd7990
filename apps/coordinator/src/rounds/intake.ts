import {
  type UpdateCheck,
  type UpdateExpectation,
  UpdateFault,
  type UpdateFaultKind,
  updateDataBytes,
} from '@lorica/peft-core'
import {
  type ErrorCode,
  LoricaError,
  type RunSpec,
  type UpdateEncoding,
  type UpdateOpen,
} from '@lorica/protocol'
import type { Contribution } from '../journal/event.js'
import { endOf } from '../runs/carry.js'
import { ownExampleDpIn } from '../runs/example-privacy.js'
import type { OpenSeats } from '../runs/open-seats.js'
import type { RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'
import type { AdapterShapes } from '../runs/strategy.js'
import type { Disk } from '../store/disk.js'

const HEADER_BYTES = 16 * 1024 * 1024 // room for the header of an update beside its values

/**
 * Checks what an agent says of its update before a byte of it is taken: whose assignment it is, whether the round is open,
 * the size and the counts. Returns the seat. Throws LoricaError LRC-4001, LRC-4002, LRC-4003, LRC-4013 or LRC-4014.
 */
export function admitUpdate(
  agentId: string,
  offer: UpdateOpen,
  against: {
    readonly spec: RunSpec
    readonly round: Pick<OpenSeats, 'round' | 'seats' | 'isClosed' | 'closedAt' | 'deadlineAtMs'>
    readonly adapter: AdapterShapes
    readonly nowMs: number
    readonly isUnderWay: boolean // bytes of it came before
    readonly maskedBytes?: number | null // of a masked update, whose counts say nothing; null: it is not masked
  },
): { readonly accepted: Contribution | null } {
  const { spec, round, adapter } = against
  const seat = round.seats.get(agentId)
  if (seat?.assignmentId !== offer.assignmentId) throw notYours(offer.assignmentId)
  if (seat.status === 'accepted') {
    if (seat.contribution.updateSha256 === offer.sha256) return { accepted: seat.contribution }
    throw new LoricaError('LRC-4013', `another update of round ${round.round} was accepted before`, {
      expected: seat.contribution.updateSha256,
      received: offer.sha256,
    })
  }
  if (seat.status === 'refused' || seat.status === 'declined')
    throw new LoricaError(codeOf(seat.code), seat.message)
  if (round.isClosed || seat.status === 'carried') throw roundClosed(round.round, round.closedAt ?? '')
  const { nowMs, isUnderWay, maskedBytes = null } = against
  if (maskedBytes !== null) {
    if (offer.sizeBytes !== maskedBytes) throw wrongMaskedSize(offer.sizeBytes, maskedBytes)
    return { accepted: null }
  }
  if (round.deadlineAtMs !== null && nowMs >= round.deadlineAtMs && !isUnderWay) throw deadlinePassed(round)
  expectSize(offer.sizeBytes, encodingsOf(spec), adapter)
  const { steps, accumulate, batch } = spec.local
  const examples = steps * accumulate * batch
  checkCount('examples', offer.examples, examples)
  checkCount('tokens', offer.tokens, examples * spec.data.maxTokens)
  expectRate(spec, offer.samplingRate)
  return { accepted: null }
}

/** How the updates of a run may travel: as it asks, or as f32, which is all that an agent of protocol 1 knows. */
export function encodingsOf({ update }: Pick<RunSpec, 'update'>): readonly UpdateEncoding[] {
  return [...new Set([update.encoding, 'f32' as const])]
}

/** The error for an assignment that is not of the agent, or of no open round. */
export function notYours(assignmentId: string): LoricaError {
  return new LoricaError('LRC-4001', `assignment ${assignmentId} is not one of yours`, {
    expected: 'the assignment of this round',
    received: assignmentId,
  })
}

/** The error for an update that comes after its round has closed, at the time given (ISO 8601). */
export function roundClosed(round: number, closedAt: string): LoricaError {
  return new LoricaError('LRC-4002', `round ${round} closed at ${closedAt}`, {
    expected: 'an update before the round closes',
    received: 'a later one',
  })
}

/** The error for an update that is first offered after the deadline of its round, while others are still finishing theirs. */
function deadlinePassed({ round, deadlineAtMs }: Pick<RoundState, 'round' | 'deadlineAtMs'>): LoricaError {
  const at = new Date(deadlineAtMs ?? 0).toISOString()
  return new LoricaError('LRC-4002', `round ${round} takes no new update since its deadline at ${at}`, {
    expected: 'an update that is under way by the deadline',
    received: 'a later one',
  })
}

/** The error for an update that comes after its round has closed, or whose seat did not go on since then. */
export function seatOver(run: Run, round: number, assignmentId: string): LoricaError {
  const end = endOf(run, assignmentId)
  if (end === undefined) return roundClosed(round, closingOf(run, round))
  return new LoricaError(codeOf(end.code), end.message)
}

/** When a round of a run stopped taking updates: its last attempt, when it had several. */
export function closingOf({ current, history }: Pick<Run, 'current' | 'history'>, round: number): string {
  if (current?.round === round && current.closedAt !== null) return current.closedAt
  const past = history.findLast((attempt) => attempt.round === round)
  return past?.closedAt ?? past?.endedAt ?? 'an unknown time'
}

/** A check of an update on its way to a file: as `UpdateCheck`, or of a masked one. */
export interface StagedCheck extends Pick<UpdateCheck, 'take'> {
  finish(path: string, open: Disk['open']): Promise<Inspected>
}

/** What was found of an update: of a masked one, nothing. */
export interface Inspected {
  readonly norm: number | null
  readonly encoding?: UpdateEncoding
}

/** What an update must be to be accepted: the file that was announced, of this adapter, within the bounds of the run. */
export function expectationOf(
  { sha256 }: Pick<UpdateOpen, 'sha256'>,
  adapter: AdapterShapes,
  spec: Pick<RunSpec, 'update' | 'privacy'>,
  clip: number | null = spec.privacy.clip, // of its round
): UpdateExpectation {
  return { sha256, shapes: adapter, maxNorm: clip, encodings: encodingsOf(spec) }
}

/**
 * Finishes the check of a staged update. Returns its norm and its encoding. Throws LoricaError LRC-4006, after which the agent may
 * send it again, or LRC-4007 to LRC-4012, which are final.
 */
export async function inspectUpdate(disk: Disk, path: string, check: StagedCheck): Promise<Inspected> {
  try {
    return await check.finish(path, disk.open)
  } catch (error) {
    if (error instanceof UpdateFault) throw refusalOfFault(error)
    throw error
  }
}

const faultCodes: Readonly<Record<UpdateFaultKind, ErrorCode>> = {
  hash: 'LRC-4006',
  format: 'LRC-4007',
  names: 'LRC-4008',
  shape: 'LRC-4009',
  element: 'LRC-4010',
  finite: 'LRC-4011',
  norm: 'LRC-4012',
}

/** The coded refusal for what is wrong with an update. */
export function refusalOfFault(fault: UpdateFault): LoricaError {
  const { expected, received } = fault
  return new LoricaError(faultCodes[fault.kind], fault.message, { expected, received, cause: fault })
}

function expectSize(sizeBytes: number, encodings: readonly UpdateEncoding[], adapter: AdapterShapes): void {
  const sizes = encodings.map((encoding) => updateDataBytes(adapter.values(), encoding))
  if (sizes.some((least) => sizeBytes >= least && sizeBytes <= least + HEADER_BYTES)) return
  throw new LoricaError('LRC-4003', `update of ${sizeBytes} bytes cannot hold the adapter of its run`, {
    expected: `${encodings.map((encoding, at) => `${sizes[at]} bytes (${encoding})`).join(' or ')} and a header`,
    received: `${sizeBytes} bytes`,
  })
}

function wrongMaskedSize(sizeBytes: number, expected: number): LoricaError {
  return new LoricaError('LRC-4003', `masked update of ${sizeBytes} bytes does not fit its sum`, {
    expected: `${expected} bytes`,
    received: `${sizeBytes} bytes`,
  })
}

function checkCount(name: string, claimed: number, highest: number): void {
  if (claimed >= 1 && claimed <= highest) return
  throw new LoricaError('LRC-4014', `${name} expected 1 to ${highest}, received ${claimed}`, {
    expected: `1 to ${highest} ${name}`,
    received: String(claimed),
  })
}

/** An update of a run that protects examples says what it cost them. Throws LRC-4014 where it does not. */
function expectRate(spec: RunSpec, samplingRate: number | undefined): void {
  if (ownExampleDpIn(spec) === undefined || samplingRate !== undefined) return
  throw new LoricaError('LRC-4014', 'samplingRate expected the chance of an example to take part in a step', {
    expected: 'a number above 0, at most 1',
    received: 'none',
  })
}

function codeOf(code: string): ErrorCode {
  return code as ErrorCode
}
