/**
 * A real coordinator on a loopback port.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunView } from '@lorica/protocol'
import type { Clock } from './clock.js'
import type { Config } from './config.js'
import { type Coordinator, startCoordinator } from './coordinator.js'
import { type Host, systemHost } from './host.js'
import type { Log } from './log.js'
import { writeModel } from './model.fixture.js'

/** A coordinator that can be stopped and started again on its folder and port. */
export interface Fleet extends AsyncDisposable {
  readonly model: string
  coordinator(): Coordinator
  restart(): Promise<void>
  api(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  startRun(changes?: Readonly<Record<string, unknown>>): Promise<string>
  /** Waits for the first event of a run that `isWanted`. */
  event(runId: string, type: string): Promise<Record<string, unknown>>
  run(runId: string): Promise<RunView>
  /** What it logged, of one kind. */
  logged(event: string): readonly Readonly<Record<string, unknown>>[]
  /** Lets time pass on the clocks of the coordinator at once. Timers that run take their own time. */
  pass(durationMs: number): void
  /** Sets the wall clock of the coordinator ahead, as a person would; durations do not notice. */
  setAhead(aheadMs: number): void
}

/** Starts a coordinator with a base model of two layers, in a folder of its own that goes with it unless one is given. */
export async function startFleet(
  folder?: string,
  changed: Partial<Config> = {},
  within: (host: Host) => Host = (host) => host,
): Promise<Fleet> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), 'lorica-fleet-')))
  const model = await writeModel(root)
  const settings = { dir: join(root, 'coordinator'), host: '127.0.0.1', leaseMs: 300, ...changed }
  const system = systemHost()
  let passedMs = 0
  let aheadMs = 0
  const clock: Clock = {
    ...system.clock,
    now: () => system.clock.now() + passedMs + aheadMs,
    monotonicMs: () => system.clock.monotonicMs() + passedMs,
  }
  const host = within({ ...system, clock })
  const lines: { readonly event: string; readonly fields: Readonly<Record<string, unknown>> }[] = []
  const log: Log = (event, fields = {}) => void lines.push({ event, fields })
  let coordinator = await startCoordinator({ ...settings, port: 0 }, log, host)
  const port = Number(new URL(coordinator.url).port)
  const api = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`${coordinator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${coordinator.adminToken}`, 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {}),
    })
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      body: isJson ? await response.json() : Buffer.from(await response.arrayBuffer()),
    }
  }
  return {
    model,
    coordinator: () => coordinator,
    async restart() {
      await coordinator.close()
      coordinator = await startCoordinator({ ...settings, port }, log, host)
    },
    api,
    async startRun(changes = {}) {
      const spec = {
        name: 'tone',
        base: { model },
        peft: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] },
        data: { maxTokens: 16 },
        local: { steps: 5, batch: 4, learningRate: 1e-3 },
        rounds: { count: 1, minimum: 2 },
        seed: 5,
        ...changes,
      }
      const { status, body } = await api('POST', '/api/v1/runs', spec)
      if (status !== 201) throw new Error(JSON.stringify(body))
      return (body as RunView).run
    },
    async event(runId, type) {
      const response = await fetch(`${coordinator.url}/api/v1/runs/${runId}/events`, {
        headers: { authorization: `Bearer ${coordinator.adminToken}` },
      })
      let text = ''
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += Buffer.from(part).toString('utf8')
        const lines = text
          .split('\n')
          .slice(0, -1)
          .filter((line) => line !== '')
        const found = lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .find((event) => event.type === type)
        if (found !== undefined) return found
      }
      throw new Error(`the run ended without ${type}: ${text}`)
    },
    logged: (event) => lines.filter((line) => line.event === event).map(({ fields }) => fields),
    run: async (runId) => (await api('GET', `/api/v1/runs/${runId}`)).body as RunView,
    pass(durationMs) {
      passedMs += durationMs
    },
    setAhead(ms) {
      aheadMs = ms
    },
    async [Symbol.asyncDispose]() {
      await coordinator.close()
      if (folder === undefined) await rm(root, { recursive: true, force: true })
    },
  }
}

/** Waits until `isTrue`, for at most 5 seconds. */
export async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error('it did not become true in 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
