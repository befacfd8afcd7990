import { type Adapter, parseAdapter } from '@lorica/peft-core'
import { type Assignment, asLoricaError, type FileReference, LoricaError } from '@lorica/protocol'
import { type Bell, createBell } from './bell.js'
import { createLeases, type Leases } from './leases.js'
import { createMarks, type Marks } from './marks.js'
import type { Measurement } from './measurement.js'
import type { Parts } from './parts.js'
import type { Run } from './run.js'

/** A measurement that is under way, and what its agents were asked. */
export interface OpenMeasurement {
  readonly round: number
  readonly state: Measurement
  assignmentFor(assignmentId: string): Assignment
}

/** The run that the coordinator works on now: what is known of it beside the journal. */
export interface ActiveRun {
  readonly runId: string
  readonly bell: Bell
  readonly leases: Leases
  readonly abort: AbortController
  waiting: string | null // what it waits for, in words
  measurement: OpenMeasurement | null
  roundStartedMs: number // by the monotonic clock, when the open round was planned
  readonly marks: Marks // since then
  run(): Run
  /** The adapter that the next round starts from. */
  adapter(): Promise<Adapter>
  /** Sends an assignment once the journal has it, or starts the lease of an agent that is not connected. A refusal is a decline. */
  ask(agentId: string, assignment: Assignment): void
  close(): void
}

/** What the work on a run calls back with. */
export interface ActiveRunListener {
  /** An agent refused an assignment. */
  declined(agentId: string, decline: { assignmentId: string; code: string; message: string }): void
  /** An agent was away for longer than its lease. */
  lapsed(agentId: string): void
}

/** Starts work on a run. */
export function activateRun(parts: Parts, runId: string, listener: ActiveRunListener): ActiveRun {
  const bell = createBell()
  const leases = createLeases(parts.clock, parts.leaseMs, (agentId) => {
    parts.log('lease-lapsed', { run: runId, agent: agentId })
    listener.lapsed(agentId)
    bell.ring()
  })
  const run = () => runOf(parts, runId)
  const abort = new AbortController()
  let cached: { readonly files: readonly FileReference[]; readonly adapter: Promise<Adapter> } | undefined

  function ask(agentId: string, assignment: Assignment): void {
    const presence = parts.roster.find(agentId)
    if (presence === undefined) {
      leases.lost(agentId)
      return
    }
    const sent = parts.ledger.safe(abort.signal).then(() => presence.sendAssignment(assignment))
    sent.catch((error: unknown) => {
      if (abort.signal.aborted || parts.roster.find(agentId) !== presence) return // it is sent again when the agent is back
      const { code, message } = asLoricaError(error)
      listener.declined(agentId, { assignmentId: assignment.assignmentId, code, message })
    })
  }

  return {
    runId,
    bell,
    leases,
    abort,
    waiting: null,
    measurement: null,
    roundStartedMs: parts.clock.monotonicMs(),
    marks: createMarks(),
    run,
    adapter() {
      const { files } = run().adapter
      if (cached?.files !== files) cached = { files, adapter: readAdapterBlobs(parts, files) }
      return cached.adapter
    },
    ask,
    close: () => leases.close(),
  }
}

async function readAdapterBlobs(parts: Parts, files: readonly FileReference[]): Promise<Adapter> {
  const bytesOf = (name: string) => parts.blobs.whole(files.find(({ path }) => path === name)?.sha256 ?? '')
  const [config, tensors] = await Promise.all(
    ['adapter_config.json', 'adapter_model.safetensors'].map(bytesOf),
  )
  return parseAdapter({ 'adapter_config.json': config!, 'adapter_model.safetensors': tensors! })
}

function runOf(parts: Parts, runId: string): Run {
  const run = parts.ledger.run(runId)
  if (run === undefined) throw new LoricaError('LRC-3004', `no run ${runId}`)
  return run
}
