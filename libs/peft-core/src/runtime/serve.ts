import type { Batch } from '../train/batch.js'
import { loadRuntime } from './load.js'
import {
  type EngineReply,
  type EngineRequest,
  type HostOptions,
  type Message,
  type NextBatch,
  READY,
} from './messages.js'
import type { Runtime, RuntimeOptions } from './runtime.js'
import { createService, type Service } from './service.js'
import type { BuildGraph } from './training-graph.js'

/** Serves the process that started this one, one request after the other, until it goes away. */
export function serve(build: BuildGraph): void {
  hostRequests((runtime, options) => {
    const service = createService(build, runtime, options)
    let previous: Promise<unknown> = Promise.resolve()
    return (request, sides) => {
      const reply = previous.then(() => called(service, request, sides))
      previous = reply.catch(() => {})
      return reply
    }
  })
}

/** What a request hears and gives while it is answered. */
export interface Sides {
  readonly batches: AsyncIterable<Batch>
  /** Tells of progress; false when the other side has asked to stop. */
  onProgress(value: unknown): boolean
  /** Whether the other side has not asked to stop. */
  goesOn(): boolean
}

export type Answer = (request: EngineRequest, sides: Sides) => Promise<unknown>

/** Answers what the process that started this one asks, until it goes away. Requests reach `answer` in order, and do not wait for each other. */
export function hostRequests(prepare: (runtime: Runtime, options: RuntimeOptions) => Answer): void {
  const { threads, ...choice } = JSON.parse(process.argv[2] ?? '{}') as HostOptions
  const loaded = loadRuntime(choice)
  const answer = loaded.then(({ runtime, facts: { device } }) =>
    prepare(runtime, { device, ...(threads === undefined ? {} : { threads }) }),
  )
  answer.catch(() => {}) // told of once, below
  const reply = (message: EngineReply): void => {
    process.send?.(message)
  }
  const pulls = createPulls(reply)
  const answering = new Set<number>()
  const stopped = new Set<number>()
  const answered = async (request: EngineRequest): Promise<void> => {
    const { id } = request
    answering.add(id)
    const goesOn = (): boolean => !stopped.has(id)
    const onProgress = (value: unknown): boolean => {
      reply({ kind: 'progress', id, value })
      return goesOn()
    }
    try {
      const value = await (await answer)(request, { batches: pulls.batches(id), onProgress, goesOn })
      reply({ kind: 'done', id, value })
    } catch (cause) {
      reply(failure(id, cause))
    } finally {
      answering.delete(id)
      stopped.delete(id)
    }
  }
  process.on('message', (message: Message) => {
    if (message.kind === 'batch') pulls.take(message)
    else if (message.kind === 'request') void answered(message)
    else if (answering.has(message.id)) stopped.add(message.id)
  })
  process.on('disconnect', () => process.exit())
  // A signal to the whole process group is for the parent to act on: it ends this process when it is ready.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  loaded.then(
    ({ facts }) => reply({ kind: 'done', id: READY, value: facts }),
    (cause) => reply(failure(READY, cause)),
  )
}

type Reply = (message: EngineReply) => void

/** Calls the service, with the batches where its methods expect them. */
function called(
  service: Service,
  { call, args }: EngineRequest,
  { batches, onProgress }: Sides,
): Promise<unknown> {
  if (call === 'train') {
    const [job] = args as [Parameters<Service['train']>[0]]
    return service.train({ ...job, batches }, onProgress)
  }
  if (call === 'evaluate') {
    const [tensors] = args as [Parameters<Service['evaluate']>[0]]
    return service.evaluate(tensors, batches)
  }
  if (call === 'measure') {
    const [tensors] = args as [Parameters<Service['measure']>[0]]
    return service.measure(tensors, batches, onProgress)
  }
  const method = service[call as keyof Service] as (...args: readonly unknown[]) => Promise<unknown>
  return method(...args, onProgress)
}

interface Pulls {
  take(message: NextBatch): void
  /** The batches of a request; while one is worked on, the next is already on its way. */
  batches(id: number): AsyncIterable<Batch>
}

function createPulls(reply: Reply): Pulls {
  const waiting = new Map<number, (message: NextBatch) => void>()
  const pull = (id: number): Promise<NextBatch> =>
    new Promise((resolve) => {
      waiting.set(id, resolve)
      reply({ kind: 'pull', id })
    })
  return {
    take(message) {
      waiting.get(message.id)?.(message)
      waiting.delete(message.id)
    },
    async *batches(id) {
      let next = pull(id)
      while (true) {
        const { batch, fault } = await next
        if (fault !== undefined) throw new RangeError(fault)
        if (batch === null) return
        next = pull(id)
        yield batch
      }
    },
  }
}

function failure(id: number, cause: unknown): EngineReply {
  const { name, message } = cause instanceof Error ? cause : new Error(String(cause))
  return { kind: 'failed', id, name, message }
}
