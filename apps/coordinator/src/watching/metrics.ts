/**
 * Numbers about a coordinator for Prometheus. Every label has few values, all of them ours: never the name of an agent, a run or a person.
 * Exposition: https://prometheus.io/docs/instrumenting/exposition_formats/
 * @module
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { LEAST_COHORT } from '@lorica/privacy'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { agentView, type Roster } from '../fleet/roster.js'
import type { Ledger } from '../ledger.js'
import type { Registry as Releases } from '../releases/registry.js'
import type { Conductor } from '../rounds/conductor.js'
import type { Readiness } from './readiness.js'

/** What the numbers are about. */
export interface Measured {
  readonly ledger: Ledger
  readonly roster: Roster
  readonly registry: Releases
  readonly readiness: Readiness
  readonly conductor: Conductor
  readonly uploads: { readonly heldBytes: () => number; readonly budgetBytes: number }
}

export interface Metrics {
  readonly contentType: string
  /** All numbers as they are now. */
  text(): Promise<string>
  /** Counts an answered request: by the pattern of its route, never by its path. */
  answered(route: string, status: number, seconds: number): void
  close(): void
}

const REQUEST_SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10]

/** `liveConnections` says how many operators look on. */
export function createMetrics(about: Measured, liveConnections: () => number): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const { ledger, roster, conductor, readiness, uploads } = about
  const tally = () => ledger.tally()
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()

  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(value())
      },
    })
  const gauges = (
    name: string,
    help: string,
    label: string,
    values: () => Iterable<readonly [string, number]>,
  ) =>
    new Gauge({
      ...{ name, help, registers, labelNames: [label] },
      collect() {
        this.reset()
        for (const [value, count] of values()) this.set({ [label]: value }, count)
      },
    })
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset()
        this.inc(value())
      },
    })
  const counters = (
    name: string,
    help: string,
    label: string,
    values: () => Iterable<readonly [string, number]>,
  ) =>
    new Counter({
      ...{ name, help, registers, labelNames: [label] },
      collect() {
        this.reset()
        for (const [value, count] of values()) this.inc({ [label]: value }, count)
      },
    })

  gauge(
    'lorica_ready',
    '1 while what comes in can be kept, 0 while the disk is full or the store is away',
    () => (readiness.fault() === null ? 1 : 0),
  )
  gauges('lorica_agents', 'Agents by state', 'state', () =>
    counted(
      ['connected', 'away', 'pending', 'left'],
      ledger.members().map((member) => agentView(member, roster.find(member.agentId), null).state),
    ),
  )
  gauges('lorica_runs', 'Runs by state', 'state', () =>
    counted(
      ['queued', 'waiting', 'paused', 'running', 'succeeded', 'failed', 'cancelled'],
      ledger.runs().map((run) => conductor.view(run).state),
    ),
  )
  gauge(
    'lorica_seats_training',
    'Seats of open rounds whose agents train',
    () =>
      ledger
        .runs()
        .flatMap(({ ended, current }) => (ended === null ? [...(current?.seats.values() ?? [])] : []))
        .filter(({ status }) => status === 'training').length,
  )
  gauges('lorica_rollouts', 'Rollouts by state', 'state', () =>
    counted(
      ['pending', 'running', 'soaking', 'paused', 'done', 'aborted', 'undone'],
      [...ledger.rollouts().all.values()].map(({ state }) => state),
    ),
  )
  counters('lorica_targets_total', 'Reports of agents on a release that they are to serve', 'outcome', () =>
    Object.entries(tally().targets),
  )
  gauge('lorica_releases', 'Releases', () => ledger.releases().length)
  new Gauge({
    name: 'lorica_release_loss',
    help: `Loss of the newest release on held-out text, where at least ${LEAST_COHORT} agents measured it`,
    registers,
    collect() {
      this.remove() // a reset would say 0
      const evaluation = about.registry.all().findLast(({ manifest }) => manifest.round > 0)
        ?.manifest.evaluation
      const { loss = null, perAgent = [] } = evaluation ?? {}
      const isPooled = perAgent.length === 0 // then enough were in it, or there is no loss
      if (loss !== null && (isPooled || perAgent.length >= LEAST_COHORT)) this.set(loss)
    },
  })
  counters('lorica_rounds_total', 'Rounds by outcome', 'outcome', () => Object.entries(tally().rounds))
  counters('lorica_updates_total', 'Updates of agents by outcome', 'outcome', () =>
    Object.entries(tally().updates),
  )
  counters(
    'lorica_refusals_total',
    'Refusals of updates and assignments by code',
    'code',
    () => tally().refusals,
  )
  counters('lorica_alarms_total', 'Alarms by kind', 'kind', () => tally().alarms)
  counter('lorica_update_bytes_total', 'Bytes of updates of committed rounds', () => tally().bytesUp)
  counter(
    'lorica_download_bytes_total',
    'Bytes that agents read in committed rounds',
    () => tally().bytesDown,
  )
  counter('lorica_round_seconds_total', 'Seconds of committed rounds', () => tally().roundSeconds)
  counter(
    'lorica_train_seconds_total',
    'Seconds of the slowest agents of committed rounds',
    () => tally().trainSeconds,
  )
  counters('lorica_energy_joules_total', 'Energy of the training of committed rounds', 'source', () =>
    Object.entries(tally().joules),
  )
  gauge(
    'lorica_upload_memory_bytes',
    'Bytes of updates that are received and not on disk yet',
    uploads.heldBytes,
  )
  gauge('lorica_upload_memory_budget_bytes', 'How many there may be', () => uploads.budgetBytes)
  gauge('lorica_live_connections', 'Operators that look on', liveConnections)
  gauge('process_resident_memory_bytes', 'Resident memory', () => process.memoryUsage.rss())
  counter('process_cpu_seconds_total', 'Processor time', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  gauge('process_start_time_seconds', 'When the process started, since 1970', () =>
    Math.round(Date.now() / 1000 - process.uptime()),
  )
  gauge(
    'nodejs_eventloop_lag_p99_seconds',
    'Delay of the event loop since the last reading, 99th percentile',
    () => {
      const seconds = delay.percentile(99) / 1e9
      delay.reset()
      return Number.isFinite(seconds) ? seconds : 0
    },
  )
  const requests = new Counter({
    name: 'lorica_http_requests_total',
    help: 'Answered requests by route and status',
    labelNames: ['route', 'status'],
    registers,
  })
  const requestSeconds = new Histogram({
    name: 'lorica_http_request_seconds',
    help: 'Time to answer a request',
    buckets: REQUEST_SECONDS,
    registers,
  })

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    answered(route, status, seconds) {
      requests.inc({ route, status: String(status) })
      requestSeconds.observe(seconds)
    },
    close: () => delay.disable(),
  }
}

/** How often each of `names` comes up, 0 included. */
function counted(names: readonly string[], found: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map(names.map((name) => [name, 0]))
  for (const name of found) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
