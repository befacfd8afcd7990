/**
 * Follows the targets of the coordinator: verifies each, keeps its release, lets what serves on this machine change to it, and tells how that went.
 * @module
 */
import {
  asLoricaError,
  codes,
  type ErrorCode,
  LoricaError,
  manifestId,
  type ServingHealth,
  type Target,
  type TargetMessage,
  type TargetReport,
  type Trust,
  targetSha256,
  verifyTarget,
} from '@lorica/protocol'
import { type Clock, wait } from '../clock.js'
import type { Link } from '../net/link.js'
import { reasonOf, type Tell } from '../report.js'
import type { Disk } from '../store/disk.js'
import type { Releases } from '../store/releases.js'
import { readServing, type ServingRecord } from '../store/serving-record.js'
import { type HeldTarget, readTarget, writeTarget } from '../store/target.js'
import { publicReason } from '../work/contribution.js'

export interface FollowingOptions {
  readonly folder: string
  readonly fleet: string // id of the coordinator
  readonly trust: () => Promise<Trust>
  readonly releases: Pick<Releases, 'hold'>
  readonly clock: Clock
  readonly disk: Disk
  readonly link: Pick<Link, 'request'>
  readonly tell: Tell
  readonly stopped: AbortSignal
}

export interface Following {
  /** Takes a target. Targets are done one after the other; never rejects. */
  take(message: TargetMessage): void
}

const LOOK_MS = 250 // at what the program that serves wrote down
const PATIENCE_MS = 120_000 // for it to change to a release
const HEALTH_MS = 1000 // between two tellings of how requests went, at least

/** Follows from here on. */
export function createFollowing(options: FollowingOptions): Following {
  const { folder, clock, disk, link, tell, stopped } = options
  let turn: Promise<unknown> = Promise.resolve()
  let said: TargetReport | undefined // that was said last, and heard
  let saidHealth = ''
  let healthMs = Number.NEGATIVE_INFINITY
  let isBusy = false

  const say = async (report: TargetReport): Promise<void> => {
    await link.request('target.report', report)
    said = report
    saidHealth = '' // a coordinator that started anew knows of none
    keepLooking()
  }

  const follow = async (message: TargetMessage): Promise<void> => {
    const startedMs = clock.monotonicMs()
    const record = await readTarget(folder, disk)
    const known = record?.highest
    const target = verifyTarget(message, await options.trust(), {
      fleet: options.fleet,
      known,
      nowMs: clock.now(),
    })
    const highest = { serial: target.serial, sha256: targetSha256(message) }
    const held = record?.held ?? null
    const before = record?.before ?? null
    if (known?.sha256 !== highest.sha256) await writeTarget(folder, { highest, held, before }, disk)
    const kept = [target.previous, held?.name, before].flatMap((name) => name ?? [])
    const { downloadedBytes } = await options.releases.hold(message.release, kept)
    const next: HeldTarget = {
      ...{ serial: target.serial, name: target.release.name, releaseId: target.release.id },
      expiresAt: target.expiresAt,
    }
    const isSame = held?.releaseId === next.releaseId
    await writeTarget(folder, { highest, held: next, before: isSame ? before : (held?.name ?? before) }, disk)
    const served = await whenServed(next)
    const switchMs = clock.monotonicMs() - startedMs
    const report = reportOf(next, served, { downloadedBytes, switchMs })
    const { serial, name } = next
    if (report.reason === null)
      tell({ event: 'target-applied', serial, name, isServed: report.isServed, downloadedBytes })
    else tell({ event: 'target-failed', serial, name, ...report.reason, action: codes['LRC-6026'].action })
    await say(report)
  }

  /** What the program that serves says of a target; undefined when none runs here. */
  const whenServed = async ({ serial }: HeldTarget): Promise<ServingRecord | undefined> => {
    const untilMs = clock.monotonicMs() + PATIENCE_MS
    for (;;) {
      const serving = await readServing(folder, disk)
      if (serving === undefined || (serving.target?.serial ?? 0) >= serial) return serving
      if (clock.monotonicMs() >= untilMs)
        throw new LoricaError(
          'LRC-6026',
          `what serves here did not change to target ${serial} in ${PATIENCE_MS / 1000} s`,
        )
      await wait(clock, LOOK_MS, stopped)
    }
  }

  const fail = async (message: TargetMessage, error: unknown): Promise<void> => {
    if (stopped.aborted) return
    const known = asLoricaError(error)
    const target = identified(message)
    tell({ event: 'target-failed', serial: target.serial, name: target.name, ...reasonOf(known) })
    if (known.code === 'LRC-1009') return // the link was lost: it comes again
    if (target.serial === 0) return
    await link
      .request('target.report', {
        ...{
          serial: target.serial,
          releaseId: manifestId(message.release),
          outcome: 'failed',
          isServed: false,
        },
        ...{ downloadedBytes: 0, switchMs: 0, reason: publicOf(known) },
      })
      .catch(() => undefined)
  }

  /** Tells what changed beside targets: a program that serves was started later, or ended, and how requests go. */
  const look = async (): Promise<void> => {
    const held = (await readTarget(folder, disk))?.held
    if (held == null) return
    const serving = await readServing(folder, disk)
    const isCurrent = serving === undefined || serving.target?.serial === held.serial
    if (isCurrent && said?.serial === held.serial) {
      const report = reportOf(held, serving, { downloadedBytes: 0, switchMs: 0 })
      const isNews = report.isServed !== said.isServed || report.outcome !== said.outcome
      if (isNews) await say(report)
    }
    if (serving?.target?.outcome !== 'applied' || serving.target.serial !== held.serial) return
    const health: ServingHealth = {
      ...{ serial: held.serial, releaseId: serving.releaseId, now: serving.now, before: serving.before },
    }
    const text = JSON.stringify(health)
    if (text === saidHealth || clock.monotonicMs() - healthMs < HEALTH_MS) return
    healthMs = clock.monotonicMs()
    await link.request('serving.health', health)
    saidHealth = text
  }

  let cancel: (() => void) | undefined
  /** Looks from the first target on. */
  const keepLooking = (): void => {
    if (cancel !== undefined || stopped.aborted) return
    cancel = clock.every(LOOK_MS, () => {
      if (isBusy) return
      isBusy = true
      look()
        .catch(() => undefined) // the link, or a file that is being written: the next look sees it
        .finally(() => {
          isBusy = false
        })
    })
    stopped.addEventListener('abort', cancel, { once: true })
  }
  return {
    take(message) {
      turn = turn.then(() => follow(message).catch((error) => fail(message, error)))
    },
  }
}

function reportOf(
  { serial, releaseId }: HeldTarget,
  serving: ServingRecord | undefined,
  took: Pick<TargetReport, 'downloadedBytes' | 'switchMs'>,
): TargetReport {
  const target = serving?.target ?? null
  const outcome = target?.outcome ?? 'applied'
  const isServed = target !== null && outcome === 'applied'
  const reason = target?.reason ?? null
  return { serial, releaseId, outcome, isServed, ...took, reason: reason === null ? null : trimmed(reason) }
}

const trimmed = ({ code, message }: { readonly code: string; readonly message: string }) => ({
  code: code.slice(0, 20),
  message: message.slice(0, 2000),
})

/** What a coordinator is told of a failure; texts that may name files of this machine stay here. */
function publicOf(error: LoricaError): NonNullable<TargetReport['reason']> {
  const isPublic = /^LRC-(60(05|06|2[2-6])|61\d\d)$/.test(error.code)
  return trimmed({
    code: error.code satisfies ErrorCode,
    message: isPublic ? error.message : publicReason(error),
  })
}

/** What a message says of itself, whether or not it verifies; serial 0 for one that is no target. */
function identified({ target }: TargetMessage): { readonly serial: number; readonly name: string } {
  try {
    const { serial, release } = JSON.parse(target) as Partial<Target>
    const isWhole = Number.isSafeInteger(serial) && (serial as number) > 0
    return { serial: isWhole ? (serial as number) : 0, name: String(release?.name ?? '').slice(0, 20) }
  } catch {
    return { serial: 0, name: '' }
  }
}
