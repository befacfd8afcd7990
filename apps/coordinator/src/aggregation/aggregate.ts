import { type Adapter, type Contribution, filePool, splitAdapter, updateSources } from '@lorica/peft-core'
import { ownExampleDpIn } from '../runs/example-privacy.js'
import { contributionsOf } from '../runs/round.js'
import { expectEnough, ruleIn } from '../runs/rule.js'
import { isPrivate } from '../runs/secure-terms.js'
import { sidedIn, strategyIn, tensorsOf } from '../runs/strategy.js'
import { countsOf, membersOf } from '../runs/weights.js'
import type { Disk } from '../store/disk.js'
import { contributionPath } from '../store/updates.js'
import { candidateOf } from './candidate.js'
import type { Aggregated, ClosedRound } from './closed-round.js'
import { distancesOfAgents, distancesOfUpdates } from './distances.js'
import { protectedMean, protectedSum } from './protected-mean.js'
import { startsOf } from './starts.js'
import { openedSum, summedUpdate } from './summed-update.js'

const MEASURING = 2e9 // multiplications: seconds, for an aggregate that itself may take less

/** Where accepted updates are read. */
export interface Reading {
  readonly disk: Pick<Disk, 'open'>
  readonly updatesFolder: string
}

/** The aggregate of the accepted updates of a round: the same bytes whenever and wherever it is computed, but for noise where it has some. */
export async function aggregateOf(reading: Reading, closed: ClosedRound): Promise<Aggregated> {
  const { spec, round } = closed
  const members = membersOf(contributionsOf(round))
  expectEnough(spec, members.size)
  const counts = countsOf(spec, members)
  const sided = sidedIn(spec)
  const split =
    sided === null ? { trained: closed.start, side: null } : splitAdapter(closed.start, sided.rank)
  const start = split.trained
  await using pool = filePool(reading.disk.open)
  const aggregation = strategyIn(spec).open({
    ...{ start, round: round.round },
    rule: ruleIn(spec, members, distancesOfUpdates(closed.memory, members)),
    ...{ measured: true, mostMultiplications: MEASURING },
    local: new Set(tensorsOf(spec, start, round.round).personal),
  })
  const updates: Contribution[] = []
  const known = { ...closed, start }
  const { privacy } = round
  if (privacy === null && spec.privacy.dp !== undefined && ownExampleDpIn(spec) === undefined)
    throw new Error('a round of a run that protects its sites expected to say how, and does not')
  const each = updatesOf(known, counts.weights, { ...reading, pool })
  const isUnseen = isPrivate(spec)
  const mean = !privacy
    ? undefined
    : isUnseen
      ? protectedSum(await openedSum(reading, known), { ...known, privacy })
      : await protectedMean(each, { ...known, privacy })
  const summed = mean?.contribution ?? (isUnseen ? await summedUpdate(reading, known) : undefined)
  for await (const update of summed === undefined ? each : [summed]) {
    updates.push(update)
    await aggregation.fold(update)
  }
  const made = await aggregation.close()
  const stepped = await candidateOf(closed, { made, split, scale: counts.scale, updates })
  const candidate = {
    ...stepped,
    memory: distancesOfAgents(made.report.rule?.memory ?? null, members) ?? stepped.memory,
  }
  return mean?.nextClip === undefined ? candidate : { ...candidate, nextClip: mean.nextClip }
}

/** The updates of a round, each from the cut of `start` that its agent trained, in the order of their ids. */
async function* updatesOf(
  { runId, spec, round, start }: ClosedRound,
  weights: ReadonlyMap<string, number>,
  { updatesFolder, pool }: Reading & { readonly pool: ReturnType<typeof filePool> },
): AsyncGenerator<Contribution> {
  const starts = startsOf(start, spec.peft.rank)
  const sources = new Map<Adapter, ReturnType<typeof updateSources>>() // by what was trained
  for (const [id, contribution] of membersOf(contributionsOf(round))) {
    const own = await starts(round.seats.get(contribution.agentId)?.rank)
    const sourceOf = sources.get(own) ?? updateSources(tensorsOf(spec, own, round.round).shared, pool)
    sources.set(own, sourceOf)
    const tensors = await sourceOf(contributionPath(updatesFolder, runId, round.round, contribution))
    yield { id, weight: weights.get(id) ?? 0, config: own.config, start: own.tensors, tensors }
  }
}
