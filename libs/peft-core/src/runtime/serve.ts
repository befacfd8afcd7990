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
import { createService, type Service } from './service.js'
import type { BuildGraph } from './training-graph.js'

/** Serves the process that started this one, one request after the other, until it goes away. */
export function serve(build: BuildGraph): void {
  const { threads, ...choice } = JSON.parse(process.argv[2] ?? '{}') as HostOptions
  const loaded = loadRuntime(choice)
  const service = loaded.then(({ runtime, facts: { device } }) =>
    createService(build, runtime, { device, ...(threads === undefined ? {} : { threads }) }),
  )
  service.catch(() => {}) // told of once, below
  const reply = (message: EngineReply): void => {
    process.send?.(message)
  }
  const pulls = createPulls(reply)
  let previous = Promise.resolve()
  const stopped = new Set<number>()
  process.on('message', (message: Message) => {
    if (message.kind === 'batch') pulls.take(message)
    else if (message.kind === 'stop') stopped.add(message.id)
    else {
      const { id } = message
      const sides = { reply, batches: pulls.batches(id), goesOn: () => !stopped.has(id) }
      previous = previous.then(async () => answer(await service, message, sides))
    }
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

interface Sides {
  readonly reply: Reply
  readonly batches: AsyncIterable<Batch>
  /** Whether the other side has not asked to stop. */
  goesOn(): boolean
}

async function answer(service: Service, request: EngineRequest, sides: Sides): Promise<void> {
  const { id } = request
  const { reply, batches, goesOn } = sides
  try {
    const onProgress = (value: unknown): boolean => {
      reply({ kind: 'progress', id, value })
      return goesOn()
    }
    reply({ kind: 'done', id, value: await called(service, request, { batches, onProgress }) })
  } catch (cause) {
    reply(failure(id, cause))
  }
}

/** Calls the service, with the batches where its methods expect them. */
function called(
  service: Service,
  { call, args }: EngineRequest,
  { batches, onProgress }: Pick<Sides, 'batches'> & { onProgress(value: unknown): boolean },
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
  const method = service[call] as (...args: readonly unknown[]) => Promise<unknown>
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
