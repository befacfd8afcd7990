import { createHash } from 'node:crypto'
import {
  type Adapter,
  type Aggregate,
  type AggregationReport,
  adapterFiles,
  filePool,
  filledAdapter,
  grownAdapter,
  splitAdapter,
  type TensorSource,
  updateSources,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { type Disk, piecesOf } from '../store/disk.js'
import { diskError } from '../store/disk-error.js'
import type { ActiveRun } from './active-run.js'
import { aggregationOf } from './aggregation-report.js'
import type { Aggregated, ClosedRound } from './closed-round.js'
import { memoryFile, readMemory } from './memory.js'
import { contributionPath, type Parts } from './parts.js'
import { roundSeed } from './plan.js'
import { contributionsOf, type RoundState } from './round.js'
import { expectEnough, ruleIn } from './rule.js'
import type { Run } from './run.js'
import { controlledAgents, nextControlOf } from './scaffold.js'
import { optimizerIn, shortened, steppedAdapter } from './server-step.js'
import { startsOf } from './starts.js'
import { hasPersonal, sidedIn, strategyIn, tensorsOf } from './strategy.js'
import { openRoundOf } from './training.js'
import { countsOf, membersOf } from './weights.js'

/**
 * Makes a candidate of the accepted updates of the closed round by the strategy of the run, and makes it readable. The returned
 * promise is about the first: await `durable` before the candidate is promised to anyone. Throws LoricaError LRC-7006, LRC-7008
 * when a robust rule has too few updates, and LRC-5002 for an update whose bytes are not any more what was accepted.
 */
export async function aggregateRound(
  parts: Parts,
  active: ActiveRun,
): Promise<{ readonly durable: Promise<unknown> }> {
  const { runId } = active
  const round = openRoundOf(active)
  const { spec, seed } = active.run()
  const [start, memory] = await Promise.all([
    active.adapter(),
    readMemory(parts.blobs, spec, round.startState),
  ])
  const controlled = controlledAgents(active.run(), round)
  const made = await aggregated(parts, { runId, spec, seed, round, start, memory, controlled }).then(
    (aggregate) => ({ aggregate }),
    (cause: unknown) => ({ cause }),
  )
  for (const contribution of contributionsOf(round)) {
    const path = contributionPath(parts.updatesFolder, runId, round.round, contribution)
    await expectIntact(parts.disk, path, contribution.updateSha256) // afterwards: what was damaged before or meanwhile is found
  }
  if ('cause' in made) {
    const { cause } = made
    throw cause instanceof RangeError ? new LoricaError('LRC-7006', cause.message, { cause }) : cause
  }
  const { candidate, report, memory: remembered, grown } = made.aggregate
  const stored = Object.entries(adapterFiles(candidate)).map(([path, bytes]) => parts.blobs.put(path, bytes))
  const files = stored.map(({ file }) => file)
  const kept = remembered === null ? [] : [parts.blobs.put(...memoryFile(remembered))]
  if (round.candidate === null) {
    const { optimizer } = spec.aggregate
    const aggregation = {
      ...aggregationOf(noted(report, spec, round), membersOf(contributionsOf(round))),
      ...(grown === null ? {} : { side: grown }),
      ...(optimizer === undefined ? {} : { optimizer: optimizer.kind }),
    }
    const [own] = kept
    parts.ledger.record({
      ...{ type: 'round-aggregated', runId, round: round.round, files, aggregation },
      ...(own === undefined ? {} : { state: own.file }),
    })
  }
  const durable = Promise.all([...stored, ...kept].map((blob) => blob.durable))
  durable.catch(() => undefined) // awaited when the round is committed
  return { durable }
}

const MEASURING = 2e9 // multiplications: seconds, for an aggregate that itself may take less

/** The aggregate of the accepted updates of a round, computed where the coordinator has a place for it, or here. */
export function aggregated(
  parts: Pick<Parts, 'disk' | 'updatesFolder' | 'aggregator'>,
  closed: ClosedRound,
): Promise<Aggregated> {
  const { aggregator, updatesFolder } = parts
  return aggregator?.aggregate(updatesFolder, closed) ?? aggregateOf(parts, closed)
}

/** The aggregate of the accepted updates of a round: the same bytes whenever and wherever it is computed. */
export async function aggregateOf(
  parts: { readonly disk: Pick<Disk, 'open'>; readonly updatesFolder: string },
  { runId, spec, seed, round, start: whole, memory, controlled }: ClosedRound,
): Promise<Aggregated> {
  const members = membersOf(contributionsOf(round))
  expectEnough(spec, members.size)
  const { weights, scale } = countsOf(spec, members)
  const sided = sidedIn(spec)
  const split = sided === null ? { trained: whole, side: null } : splitAdapter(whole, sided.rank)
  const start = split.trained
  await using pool = filePool(parts.disk.open)
  const { shared, personal } = tensorsOf(spec, start, round.round)
  const starts = startsOf(start, spec.peft.rank)
  const sources = new Map<Adapter, ReturnType<typeof updateSources>>() // by what was trained
  const aggregation = strategyIn(spec).open({
    ...{
      start,
      round: round.round,
      measured: true,
      rule: ruleIn(spec, members),
      mostMultiplications: MEASURING,
    },
    local: new Set(personal),
  })
  const updates: { readonly id: string; readonly tensors: TensorSource }[] = []
  for (const [id, contribution] of members) {
    const path = contributionPath(parts.updatesFolder, runId, round.round, contribution)
    const own = await starts(round.seats.get(contribution.agentId)?.rank)
    const sourceOf = sources.get(own) ?? updateSources(tensorsOf(spec, own, round.round).shared, pool)
    sources.set(own, sourceOf)
    const tensors = await sourceOf(path)
    updates.push({ id, tensors })
    const weight = weights.get(id) ?? 0
    await aggregation.fold({ id, weight, config: own.config, start: own.tensors, tensors })
  }
  const made = await aggregation.close()
  if (sided !== null) {
    const next = roundSeed(seed, round.round + 1)
    const { side, ...grown } = await grownAdapter(made, { ...sided, start: split, seed: next })
    return { ...grown, memory: null, grown: { ...side, maxRank: sided.maxRank } }
  }
  const filled = await filledTo(start, spec, made)
  const aggregate = scale === 1 ? filled : shortenedTo(start, filled, scale)
  if (controlled !== null) {
    const before = memory?.kind === 'control' ? memory.control : null
    const closed = { round: round.round, control: before, agents: controlled, updates }
    return {
      ...aggregate,
      memory: { kind: 'control', control: await nextControlOf(spec, closed) },
      grown: null,
    }
  }
  const optimizer = optimizerIn(spec)
  if (optimizer === null) return { ...aggregate, memory: null, grown: null }
  const before = memory?.kind === 'optimizer' ? memory.state : null
  const given = { start, aggregate: aggregate.candidate, trained: shared.keys(), state: before }
  const { candidate, state } = steppedAdapter(optimizer, given)
  return { ...aggregate, candidate, memory: { kind: 'optimizer', state }, grown: null }
}

/** A report that says what agents did otherwise than to train and send the whole adapter. */
function noted(report: AggregationReport, spec: Run['spec'], { seats }: RoundState): AggregationReport {
  const ranks = [...seats.values()].flatMap(({ status, rank = spec.peft.rank }) =>
    status === 'accepted' ? [rank] : [],
  )
  const lower = ranks.filter((rank) => rank < spec.peft.rank).length
  const notes = [
    ...report.notes,
    ...(hasPersonal(spec) ? ['each agent measures the candidate with its own parts'] : []),
    ...(lower === 0 || sidedIn(spec) !== null
      ? []
      : [`${lower} of ${ranks.length} agents trained a lower rank: beyond it they count as zeros`]),
  ]
  return { ...report, notes }
}

/** An aggregate that goes a part of the way from the start, since late updates count less. */
function shortenedTo(start: Adapter, { candidate, report, ...rest }: Aggregate, scale: number): Aggregate {
  const note = `the updates are late: ${(100 * scale).toPrecision(3)} % of their change is taken, and the figures are of all of it`
  const notes = [...report.notes, note]
  return { ...rest, candidate: shortened(start, candidate, scale), report: { ...report, notes } }
}

/** An aggregate of agents of lower ranks, with the rank of the run again: its change is the same. */
async function filledTo(start: Adapter, { peft }: Run['spec'], aggregate: Aggregate): Promise<Aggregate> {
  if (peft.ranks === undefined) return aggregate
  return { ...aggregate, candidate: await filledAdapter(aggregate.candidate, start) }
}

/** Throws LoricaError LRC-5002 unless an accepted update is what it was, or LRC-5004 when it cannot be read. */
export async function expectIntact(disk: Disk, path: string, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  try {
    for await (const piece of piecesOf(disk, path)) hash.update(piece)
  } catch (error) {
    throw diskError(error, path)
  }
  const received = hash.digest('hex')
  if (received === sha256) return
  const message = `${path}: an accepted update is damaged on disk`
  throw new LoricaError('LRC-5002', message, { expected: sha256, received })
}
