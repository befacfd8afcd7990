import { updateDataBytes } from '@lorica/peft-core'
import { manifestId, type Release, type RoundRecord, refusalOf } from '@lorica/protocol'
import type { Contribution, Measured } from '../journal/event.js'
import { announceTrust } from '../releases/announce-trust.js'
import { contributionsOf, type RoundState, refusalsOf } from '../runs/round.js'
import { weightsSha256 } from '../runs/run.js'
import { tensorsOf } from '../runs/strategy.js'
import { weighted } from '../runs/weights.js'
import type { ActiveRun } from './active-run.js'
import { costOf, energyOf } from './expense.js'
import type { Decided } from './judging.js'
import { lineageOf } from './lineage.js'
import { manifestOf } from './manifest.js'
import type { Parts } from './parts.js'
import { statementOf } from './privacy-charges.js'
import { failRound, openRoundOf } from './training.js'

interface MeasuredCandidate {
  readonly measured: Measured
  readonly verdict: Decided
  readonly durable: Promise<unknown>
}

/**
 * Commits the open round as its candidate was decided over: with a release, which every connected agent
 * is offered, or with the reason why not. Runs that commit at the same time take turns, so that versions only grow.
 */
export function commitRound(parts: Parts, active: ActiveRun, candidate: MeasuredCandidate): Promise<void> {
  return parts.registry.withVersion(async (version) => {
    if (await parts.trust.renew()) await announceTrust(parts)
    const release = await commitAs(version, parts, active, candidate)
    if (release === null || active.run().spec.rollout != null) return // a rollout gives it to agents
    for (const presence of parts.roster.all()) {
      presence.sendRelease(release).catch((error: Error) => {
        parts.log('release-not-taken', {
          agent: presence.agentId,
          code: refusalOf(error).code,
          why: error.message,
        })
      })
    }
  })
}

async function commitAs(
  version: number,
  parts: Parts,
  active: ActiveRun,
  candidate: MeasuredCandidate,
): Promise<Release | null> {
  active.abort.signal.throwIfAborted()
  const run = active.run()
  const round = openRoundOf(active)
  const { measured, verdict } = candidate
  const contributions = contributionsOf(round)
  if (failsForRevoked(parts, active, contributions)) return null
  const bytesUpAsF32 = await bytesAsF32(active, round, contributions)
  const files = round.candidate ?? []
  const rule = round.aggregation?.rule ?? null
  const privacy = statementOf(parts, run, round)
  const [release] = await Promise.all([
    verdict.verdict === 'released'
      ? parts.registry.prepare(
          manifestOf(
            run,
            {
              ...{ version, round: round.round, files, contributions, measured, rule },
              guards: verdict.guards,
              privacy,
              lineage: lineageOf(run, round, {
                ...{ contributions, parentLoss: verdict.parentLoss },
                isProtected: privacy !== undefined,
                idOf: (name) => parts.registry.find(name)?.id,
                softwareOf: (agentId) => parts.roster.find(agentId)?.hello.software,
              }),
            },
            {
              coordinatorPublicKey: parts.identity.publicKey,
              createdAt: new Date(parts.clock.now()).toISOString(),
            },
          ),
        )
      : null,
    candidate.durable,
  ])
  active.abort.signal.throwIfAborted()
  if (failsForRevoked(parts, active, contributions)) return null // while the release was written
  const next = release === null ? run.adapter : { version, files }
  parts.ledger.record({
    type: 'round-committed',
    runId: run.runId,
    round: round.round,
    record: recordOf(parts, active, round, {
      verdict,
      measured,
      contributions,
      bytesUpAsF32,
      release: release && `v${version}`,
      next,
    }),
    files: next.files,
    version: next.version,
    ...(release === null ? {} : { releaseId: manifestId(release) }),
    marks: active.marks.of(round.seats.keys()),
  })
  const isSafe = parts.ledger.safe(active.abort.signal)
  if (release === null) await isSafe
  else await Promise.all([isSafe, confirmOnceSafe(parts, release)])
  return release
}

// Also of a run that is cancelled meanwhile: the journal has the release.
async function confirmOnceSafe(parts: Parts, release: Release): Promise<void> {
  await parts.ledger.safe()
  await parts.registry.confirm(release)
}

/** Gives up on the open round when an agent that contributed to it is revoked by now, and says whether it did. */
function failsForRevoked(parts: Parts, active: ActiveRun, contributions: readonly Contribution[]): boolean {
  const revoked = contributions.find(({ agentId }) => parts.ledger.member(agentId)?.left === 'revoked')
  if (revoked === undefined) return false
  failRound(parts, active, `${revoked.name} was revoked before the round was committed`)
  return true
}

function recordOf(
  parts: Parts,
  active: ActiveRun,
  round: RoundState,
  outcome: {
    readonly verdict: Decided
    readonly measured: Measured
    readonly contributions: readonly Contribution[]
    readonly bytesUpAsF32: number
    readonly release: string | null
    readonly next: { readonly files: Parameters<typeof weightsSha256>[0] }
  },
): RoundRecord {
  const { verdict, measured, contributions, bytesUpAsF32, release, next } = outcome
  const marks = [...active.marks.byAgent().values()]
  const seconds = (parts.clock.monotonicMs() - active.roundStartedMs) / 1000
  const asked = contributions.filter(({ late }) => late === undefined) // late ones trained before, too
  const bytesUp = contributions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const bytesDown = marks.reduce((sum, one) => sum + one.bytesDown, 0)
  const energy = energyOf(contributions)
  const trainSeconds = Math.max(0, ...asked.map(({ trainMs }) => trainMs)) / 1000
  return {
    round: round.round,
    attempt: round.attempt,
    verdict: verdict.verdict,
    reason: verdict.reason,
    release,
    contributions: weighted(active.run().spec, contributions, round.aggregation?.rule).map(
      ({ assignmentId: _, acceptedAt: __, ...contribution }) => contribution,
    ),
    refused: refusalsOf(round),
    bytesUp,
    bytesUpAsF32,
    bytesDown,
    ...(energy === undefined ? {} : { energy }),
    ...(parts.prices === undefined ? {} : { cost: costOf(energy, bytesUp + bytesDown, parts.prices) }),
    seconds,
    trainSeconds,
    evaluateSeconds: measured.seconds,
    overheadSeconds: seconds - trainSeconds,
    loss: measured.loss,
    parentLoss: verdict.parentLoss,
    guards: verdict.guards,
    evaluation: measured.perAgent,
    adapterSha256: weightsSha256(next.files),
    committedAt: new Date(parts.clock.now()).toISOString(),
  }
}

/** What the updates of a round would have been, had their values travelled as they are. */
async function bytesAsF32(
  active: ActiveRun,
  { round, seats }: RoundState,
  contributions: readonly Contribution[],
): Promise<number> {
  let sum = 0
  for (const { agentId, sizeBytes, norm, encoding = 'f32' } of contributions) {
    const start = await active.adapter(seats.get(agentId)?.rank)
    const shapes = [...tensorsOf(active.run().spec, start, round).shared.values()]
    const plain = updateDataBytes(shapes, 'f32')
    sum += norm === null ? plain : sizeBytes - updateDataBytes(shapes, encoding) + plain
  }
  return sum
}
