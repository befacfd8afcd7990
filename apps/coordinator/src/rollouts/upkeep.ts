/**
 * What a fleet keeps to beside its rollouts: the champion, targets that are good for long enough, and runs whose release is to be rolled out.
 * @module
 */
import { asLoricaError } from '@lorica/protocol'
import type { RolloutStep } from '../journal/rollout-event.js'
import type { Parts } from '../rounds/parts.js'
import { makeFirstChampion } from './first-champion.js'
import type { Making } from './order.js'
import { openRollout } from './rollouts.js'
import { CHAMPION, findChampion, startOf } from './starting.js'
import { isOld } from './targets.js'

export interface Upkeep {
  keep(): void
  /** Agents are to have the champion, also when a person moved the alias. */
  followChampion(): void
}

export interface UpkeepOptions
  extends Pick<
    Parts,
    'ledger' | 'registry' | 'roster' | 'clock' | 'log' | 'webhooks' | 'identity' | 'trust'
  > {
  readonly issue: Making['issue']
  /** Records a step, and does what follows from it. */
  readonly take: (step: RolloutStep) => void
  readonly tellAll: () => void
  /** Goes as far as it can, once there is a champion. */
  readonly again: () => void
}

export function createUpkeep(parts: UpkeepOptions): Upkeep {
  const { ledger, registry, clock, log, issue, take, tellAll, again } = parts
  let isMaking = false
  const state = () => ledger.rollouts()

  /** Agents are to have the champion, also when a person moved the alias. */
  function followChampion(): void {
    const release = registry.find(ledger.aliases().get(CHAMPION) ?? '')
    const last = state().champion
    if (release === undefined || last?.releaseId === release.id || openRollout(state()) !== undefined) return
    const { name, id: releaseId } = release
    const target = issue({ release: name, releaseId, previous: last?.release ?? null, rollout: null })
    ledger.record({ type: 'champion-targeted', target })
    tellAll()
  }

  function refuse(run: string, release: string, error: unknown): void {
    const { code, message } = asLoricaError(error)
    log('rollout-refused', { run, release, code, why: message })
    ledger.record({ type: 'rollout-refused', run, release, code, message })
  }

  /** The base becomes the champion, and then the rollout begins. */
  function makeFirst(release: string, run: string): void {
    const view = registry.find(release)
    if (isMaking || view === undefined) return
    isMaking = true
    makeFirstChampion(view, parts)
      .catch((error) => refuse(run, release, error))
      .finally(() => {
        isMaking = false
        again()
      })
      .catch(() => undefined) // the journal is closed
  }

  /** The release of a run that has ended, and that says how it is to be rolled out. */
  function startWaitingRun(): void {
    const { all, refused } = state()
    if (openRollout(state()) !== undefined) return
    const begun = new Set([...all.values()].flatMap(({ cause }) => cause.run ?? []))
    for (const { runId, spec, ended, release } of ledger.runs()) {
      const plan = spec.rollout ?? null
      if (plan === null || ended?.state !== 'succeeded' || release === null) continue
      if (begun.has(runId) || refused.has(runId) || registry.find(release) === undefined) continue
      try {
        const { event } = startOf({ release, plan, run: runId, isPlanned: true }, parts)
        if (findChampion(parts) === undefined) makeFirst(release, runId)
        else take(event)
        return
      } catch (error) {
        refuse(runId, release, error)
      }
    }
  }

  /** Targets are issued anew at half of their lives, the candidate's last: it has to be above those of agents that get it next. */
  function renew(): void {
    const { champion: last, candidate } = state()
    const open = openRollout(state())
    const isDue = [last, candidate].some((target) => target !== null && isOld(target, clock.now()))
    if (!isDue) return
    if (last !== null) ledger.record({ type: 'champion-targeted', target: issue(last) })
    if (candidate !== null && open !== undefined)
      ledger.record({ type: 'rollout-renewed', rolloutId: open.rolloutId, target: issue(candidate) })
    tellAll()
  }

  return {
    followChampion,
    keep() {
      followChampion()
      startWaitingRun()
      renew()
    },
  }
}
