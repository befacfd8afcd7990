import type { LiveEvent, Receipt, RunEvent } from '@lorica/protocol'
import type { Clock } from './clock.js'
import { memberAfter, subjectOf } from './fleet/member.js'
import type { Operator } from './fleet/operators.js'
import type { Member } from './fleet/roster.js'
import type { TokenRecord } from './fleet/tokens.js'
import type { JournalEntry } from './journal/chain.js'
import type { FleetEvent, JournalEvent } from './journal/event.js'
import type { Journal } from './journal/journal.js'
import { type Aliases, aliasesAfter } from './releases/aliases.js'
import { type Audits, auditsAfter } from './releases/audits.js'
import type { ReleaseName } from './releases/registry.js'
import { isRolloutEvent, noRollouts, type Rollouts, rolloutsAfter } from './rollouts/rollouts.js'
import { type Accounts, createAccounts } from './runs/accounts.js'
import { createRun, type Run, stepRun } from './runs/run.js'
import { fleetEventOf } from './watching/fleet-event.js'
import { createLiveFeed, type LiveFeed } from './watching/live-feed.js'
import { runEventOf } from './watching/run-event.js'
import { noTally, type Tally, tallyAfter } from './watching/tally.js'

/** Whose an assignment is, and what became of it. */
export interface AssignmentRecord {
  readonly agentId: string
  readonly runId: string
  readonly round: number
  readonly receipt: Receipt | null
}

/** The state of a coordinator: what its journal adds up to. Every change goes through `record`. */
export interface Ledger {
  /** Appends an event and applies it; listeners are told once it is safe. Await `flush` or `safe` before anyone is promised anything. */
  record(event: JournalEvent): JournalEntry
  /** As of the journal: every event so far is safe, or an error says why not. */
  flush(): Promise<void>
  /** As of the journal: waits until every event so far is safe. */
  safe(signal?: AbortSignal): Promise<void>
  member(agentId: string): Member | undefined
  /** Whose a key is: the one that an agent has, or the next one that it offered. */
  owner(publicKey: string): Member | undefined
  members(): readonly Member[]
  tokens(): readonly TokenRecord[]
  /** How many agents ever joined with a token. */
  joinedWith(secretSha256: string): number
  operators(): readonly Operator[]
  run(runId: string): Run | undefined
  runs(): readonly Run[]
  /** A training assignment of the last rounds, so that an agent that lost an answer gets it again. */
  assignment(assignmentId: string): AssignmentRecord | undefined
  /** What was released about each site. */
  readonly accounts: Omit<Accounts, 'step'>
  /** All releases, oldest first. */
  releases(): readonly ReleaseName[]
  /** Which release each alias names. */
  aliases(): Aliases
  /** What audits say of releases. */
  audits(): Audits
  /** Rollouts, and what each agent is to have. */
  rollouts(): Rollouts
  /** The events of a run so far, oldest first. */
  eventsOf(runId: string): readonly RunEvent[]
  /** Tells listeners of an event that is not kept. */
  announce(runId: string, event: (stamp: { seq: number; at: string; runId: string }) => RunEvent): void
  /** The line that was written for a request, by the hash of its key. */
  marked(keySha256: string): JournalEntry | undefined
  /** What operators may see of the journal as it grows. */
  readonly live: LiveFeed
  /** What the journal adds up to in numbers. */
  tally(): Tally
  /** Calls `listener` for every later event of any run, until the returned function is called. */
  listen(listener: (event: RunEvent) => void): () => void
}

/** What is shown of a line: to those who follow its run, or else to those who look on. */
interface Shown {
  readonly event: LiveEvent
  readonly ofRun: RunEvent | undefined
}

const ASSIGNMENTS = 10_000 // remembered; the oldest give way

/** Replays the entries of a journal and goes on from there. `clock` stamps the new ones. */
export function openLedger(
  journal: Journal,
  entries: readonly JournalEntry[],
  clock: Pick<Clock, 'now'>,
): Ledger {
  const members = new Map<string, Member>()
  const tokens: TokenRecord[] = []
  const usersOf = new Map<string, Set<string>>() // agentIds by the hash of their token's secret
  const owners = new Map<string, string>() // agentIds by their keys, those to come included
  const operators = new Map<string, Operator>()
  const runs = new Map<string, Run>()
  const assignments = new Map<string, AssignmentRecord>()
  const releases: ReleaseName[] = []
  const accounts = createAccounts()
  let aliases: Aliases = new Map()
  let audits: Audits = new Map()
  let rollouts = noRollouts
  const events = new Map<string, RunEvent[]>()
  const listeners = new Set<(event: RunEvent) => void>()
  const marked = new Map<string, JournalEntry>()
  const live = createLiveFeed()
  let tally = noTally
  let unsafe: Shown[] = [] // shown once they are safe

  function apply(entry: JournalEntry): Shown | undefined {
    const { event, at } = entry
    tally = tallyAfter(tally, event)
    if ('request' in event && event.request !== undefined && !marked.has(event.request.keySha256))
      marked.set(event.request.keySha256, entry)
    if (isRolloutEvent(event)) {
      rollouts = rolloutsAfter(rollouts, event, entry)
      aliases = aliasesAfter(aliases, event)
      const shown = fleetEventOf(entry)
      return shown && { event: shown, ofRun: undefined }
    }
    if (event.type === 'token-issued') {
      const { secretSha256, expiresAtMs, uses, name, needsApproval } = event
      tokens.push({ secretSha256, expiresAtMs, uses, name, needsApproval })
    }
    if (event.type === 'agent-joined')
      usersOf.set(event.secretSha256, (usersOf.get(event.secretSha256) ?? new Set()).add(event.agentId))
    const subject = 'runId' in event ? undefined : subjectOf(event)
    if (subject !== undefined) {
      const member = memberAfter(members.get(subject), event as FleetEvent, at)
      for (const key of keysOf(members.get(subject))) owners.delete(key)
      for (const key of keysOf(member)) owners.set(key, subject)
      if (member !== undefined) members.set(subject, member)
    }
    if (event.type === 'operator-added') {
      const { name, role, tokenSha256 } = event
      operators.set(name, { name, role, tokenSha256 })
    }
    if (event.type === 'operator-removed') operators.delete(event.name)
    if (event.type === 'round-committed' && event.record.release !== null)
      releases.push({ name: event.record.release, id: event.releaseId ?? null })
    if (event.type === 'base-released') releases.push({ name: event.release, id: event.releaseId })
    aliases = aliasesAfter(aliases, event)
    audits = auditsAfter(audits, event)
    noteAssignments(assignments, event)
    const fleet = fleetEventOf(entry)
    const seen = fleet && { event: fleet, ofRun: undefined }
    if (!('runId' in event)) return seen
    accounts.step(event)
    const run = runs.get(event.runId)
    const next = event.type === 'run-created' ? createRun(event, at) : run && stepRun(run, entry)
    if (next === undefined) return undefined
    runs.set(event.runId, next)
    const ofRun = runEventOf(entry, next)
    return ofRun === undefined ? seen : { event: ofRun, ofRun }
  }

  function show(): void {
    const shown = unsafe.filter(({ event }) => event.seq <= journal.safeSeq())
    unsafe = unsafe.slice(shown.length)
    for (const { event, ofRun } of shown) {
      if (ofRun !== undefined) {
        listOf(events, ofRun.runId).push(ofRun)
        for (const listener of listeners) listener(ofRun)
      }
      live.show(event, true)
    }
  }

  unsafe = entries.map(apply).filter((event) => event !== undefined)
  show()
  journal.listen(show)
  return {
    record(event) {
      const entry = journal.append(event, new Date(clock.now()).toISOString())
      const shown = apply(entry)
      if (shown !== undefined) unsafe.push(shown)
      return entry
    },
    flush: () => journal.flush(),
    safe: (signal) => journal.safe(signal),
    member: (agentId) => members.get(agentId),
    owner: (publicKey) => members.get(owners.get(publicKey) ?? ''),
    members: () => [...members.values()],
    tokens: () => tokens,
    joinedWith: (secretSha256) => usersOf.get(secretSha256)?.size ?? 0,
    operators: () => [...operators.values()],
    run: (runId) => runs.get(runId),
    runs: () => [...runs.values()],
    assignment: (assignmentId) => assignments.get(assignmentId),
    accounts,
    releases: () => releases,
    aliases: () => aliases,
    audits: () => audits,
    rollouts: () => rollouts,
    eventsOf: (runId) => events.get(runId) ?? [],
    marked: (keySha256) => marked.get(keySha256),
    live,
    tally: () => tally,
    announce(runId, event) {
      const shown = event({ seq: journal.safeSeq(), at: new Date(clock.now()).toISOString(), runId })
      for (const listener of listeners) listener(shown)
      live.show({ ...shown, seq: live.lastSeq() }, false)
    },
    listen(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function keysOf(member: Member | undefined): readonly string[] {
  if (member === undefined) return []
  return member.nextKey === null ? [member.publicKey] : [member.publicKey, member.nextKey.publicKey]
}

function listOf(events: Map<string, RunEvent[]>, runId: string): RunEvent[] {
  const list = events.get(runId) ?? []
  events.set(runId, list)
  return list
}

function noteAssignments(assignments: Map<string, AssignmentRecord>, event: JournalEvent): void {
  if (event.type === 'round-planned' || event.type === 'agent-invited') {
    const seats = event.type === 'round-planned' ? event.seats : [event.seat]
    for (const { assignmentId, agentId, start } of seats) {
      const round = start?.round ?? event.round
      const known = assignments.get(assignmentId) ?? { agentId, runId: event.runId, round, receipt: null }
      assignments.delete(assignmentId) // one that goes on is as new as the others
      assignments.set(assignmentId, known)
    }
    for (const old of [...assignments.keys()].slice(0, Math.max(0, assignments.size - ASSIGNMENTS)))
      assignments.delete(old)
  }
  if (event.type === 'update-accepted') {
    const { assignmentId, agentId, updateSha256, acceptedAt } = event.contribution
    const receipt = { updateSha256, round: event.round, acceptedAt }
    assignments.set(assignmentId, { agentId, runId: event.runId, round: event.round, receipt })
  }
  const discarded = new Set(discardedBy(event))
  if (discarded.size === 0) return
  for (const [assignmentId, record] of assignments) {
    if (record.receipt !== null && discarded.has(`${record.agentId} ${record.receipt.updateSha256}`)) {
      assignments.set(assignmentId, { ...record, receipt: null })
    }
  }
}

/** The accepted updates that an event says count nowhere: agent and hash. */
function discardedBy(event: JournalEvent): readonly string[] {
  const listed =
    event.type === 'round-failed' || event.type === 'run-ended'
      ? event.discarded
      : event.type === 'round-planned'
        ? event.over
        : undefined
  return (listed ?? []).flatMap(({ agentId, updateSha256 }) =>
    updateSha256 === undefined ? [] : [`${agentId} ${updateSha256}`],
  )
}
