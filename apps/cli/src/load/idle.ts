import type { Child } from './child.js'
import { type MeasuredCoordinator, startGenerator, startMeasuredCoordinator } from './processes.js'

/** What connected agents cost a coordinator while they wait for work. */
export interface IdleResult {
  readonly connections: number
  readonly connectionsPerSecond: number // joining, proving and saying hello
  readonly bytesPerConnection: number // resident, after the coordinator has collected garbage
  readonly bytesPerConnectionUncollected: number // the highest that was seen before it had
  readonly heapBytesPerConnection: number
  readonly cpuPercent: number // of one core, for the heartbeats of all connections
  readonly heartbeatMicroseconds: number // processor time of one heartbeat of one connection
  readonly samples: readonly IdleSample[]
}

/** Memory at a moment. */
export interface IdleSample {
  readonly connections: number
  readonly rssBytes: number // after garbage was collected
  readonly uncollectedRssBytes: number
  readonly heapBytes: number
}

const WARM = 50 // connections before the first sample, so that code that is loaded once does not count
const STEPS = 4
const HEARTBEAT_MS = 15_000
const AGENTS_PER_PROCESS = 2500
const SETTLE_MS = 1500 // what was freed goes back to the system a while later

/** Connects `agents` agents in steps and measures the coordinator beside them. */
export async function measureIdle(
  folder: string,
  { agents, holdMs }: { readonly agents: number; readonly holdMs: number },
  onProgress: (text: string) => void,
): Promise<IdleResult> {
  await using coordinator = await startMeasuredCoordinator(folder)
  await using load = startGenerators(Math.ceil(agents / AGENTS_PER_PROCESS))
  const settleMs = Math.min(SETTLE_MS, holdMs)
  const sample = () => sampleOf(coordinator, load.connected(), settleMs)
  await load.connect(coordinator.join, WARM)
  const samples = [await sample()]
  let seconds = 0
  for (let step = 1; step <= STEPS; step++) {
    const goal = Math.round(WARM + (agents * step) / STEPS)
    onProgress(`connecting agents: ${load.connected()} of ${agents + WARM} …`)
    seconds += await load.connect(coordinator.join, goal - load.connected())
    samples.push(await sample())
  }
  onProgress(`${load.connected()} agents wait for ${holdMs / 1000} s …`)
  const before = await coordinator.usage()
  await pause(holdMs)
  const after = await coordinator.usage()
  samples.push(await sample())
  const [first, last] = [samples[0]!, samples.at(-1)!]
  const connections = last.connections - first.connections
  const cpuMs = after.cpuMs - before.cpuMs
  return {
    connections: last.connections,
    connectionsPerSecond: connections / seconds,
    bytesPerConnection: (last.rssBytes - first.rssBytes) / connections,
    bytesPerConnectionUncollected:
      (Math.max(...samples.map(({ uncollectedRssBytes }) => uncollectedRssBytes)) - first.rssBytes) /
      connections,
    heapBytesPerConnection: (last.heapBytes - first.heapBytes) / connections,
    cpuPercent: (100 * cpuMs) / holdMs,
    heartbeatMicroseconds: (1000 * cpuMs * HEARTBEAT_MS) / holdMs / last.connections,
    samples,
  }
}

interface Generators extends AsyncDisposable {
  connected(): number
  /** Connects `count` more agents, shared among the processes; the seconds that took. */
  connect(join: string, count: number): Promise<number>
}

function startGenerators(count: number): Generators {
  const children: readonly Child[] = Array.from({ length: count }, startGenerator)
  let connected = 0
  return {
    connected: () => connected,
    async connect(join, total) {
      const startedMs = performance.now()
      const shares = children.map((_, index) => Math.floor((total + index) / count))
      await Promise.all(
        children.map((child, index) => {
          const from = connected
          connected += shares[index]!
          return child.ask({ act: 'connect', join, from, count: shares[index] })
        }),
      )
      return (performance.now() - startedMs) / 1000
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(children.map((child) => child[Symbol.asyncDispose]()))
    },
  }
}

async function sampleOf(
  coordinator: MeasuredCoordinator,
  connections: number,
  settleMs: number,
): Promise<IdleSample> {
  const { rssBytes: uncollectedRssBytes } = await coordinator.usage()
  await coordinator.usage(true)
  await pause(settleMs)
  const { rssBytes, heapBytes } = await coordinator.usage(true)
  return { connections, rssBytes, uncollectedRssBytes, heapBytes }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
