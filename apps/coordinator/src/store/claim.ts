import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { LoricaError } from '@lorica/protocol'

/** Who asks for the lead of a store, or holds it. */
export interface Claim {
  readonly host: string // name, start and process namespace of the machine, apart by spaces
  readonly processId: number
  readonly startedAt: string // tells a process from a later one with the same id
  readonly leaseMs: number // the lead lapses when it is not renewed for so long
}

/** Who leads a store, as the store has it. */
export interface Leader {
  readonly epoch: number
  readonly claim: Claim | null // null: it was given up
  readonly expiresAtMs: number
}

/** Whether a claimant may lead now. */
export type Decision = 'free' | 'held'

/**
 * Decides over a claim: the lead is free when it was given up, when it lapsed, and when the process that holds it has ended on this
 * machine, or the machine was started anew. A process of another machine or container is believed until its lease lapses. A wrong
 * guess does no harm: whoever is replaced is fenced by its epoch.
 */
export function decideClaim(
  leader: Leader | null,
  claim: Claim,
  { nowMs, isRunning }: { readonly nowMs: number; readonly isRunning: (holder: Claim) => boolean },
): Decision {
  if (leader === null || leader.claim === null) return 'free'
  if (leader.expiresAtMs <= nowMs) return 'free'
  const [name, boot] = leader.claim.host.split(' ')
  const [hereName, hereBoot] = claim.host.split(' ')
  if (name !== hereName) return 'held'
  if (boot !== hereBoot) return 'free'
  return leader.claim.host === claim.host && !isRunning(leader.claim) ? 'free' : 'held'
}

/** The claim of this process. */
export function claimOfProcess(leaseMs: number): Claim {
  const processId = process.pid
  return { host: hostOf(), processId, startedAt: startOf(processId) ?? String(processId), leaseMs }
}

/** Whether the process of a claim of this machine still runs, stopped or not. */
export function isRunning({ processId, startedAt }: Claim): boolean {
  const started = startOf(processId)
  if (started !== undefined) return started === startedAt
  try {
    process.kill(processId, 0)
    return !startedAt.startsWith('boot+')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The error for a claim that is refused. */
export function inUse(name: string, { claim, epoch }: Leader): LoricaError {
  const who =
    claim === null ? 'another coordinator' : `process ${claim.processId} on ${claim.host.split(' ')[0]}`
  return new LoricaError(
    'LRC-5003',
    `${name}: another coordinator works on this store (${who}, epoch ${epoch})`,
    {
      expected: 'a store that no other coordinator leads',
      received: who,
    },
  )
}

/** The error for a coordinator that was replaced. */
export function fenced(name: string, mine: number, now: number | undefined): LoricaError {
  return new LoricaError(
    'LRC-5008',
    `${name}: another coordinator took the lead (epoch ${now ?? 'unknown'}); this one had epoch ${mine} and writes nothing any more`,
    { expected: `epoch ${mine}`, received: `epoch ${now ?? 'unknown'}` },
  )
}

// Linux tells when a process started, since boot; elsewhere a process is known by its id alone.
function startOf(processId: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'utf8')
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : `boot+${fields[18]}`
  } catch {
    return undefined
  }
}

function hostOf(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${hostname()} ${boot} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}
