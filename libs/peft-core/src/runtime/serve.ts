import { type EngineReply, type EngineRequest, type HostOptions, READY, STOP } from './messages.js'
import { ort } from './ort.js'
import { createService, type Service } from './service.js'
import type { BuildGraph } from './training-graph.js'

/** Serves the process that started this one, one request after the other, until it goes away. */
export function serve(build: BuildGraph): void {
  const { device, threads } = JSON.parse(process.argv[2] ?? '{"device":"cpu"}') as HostOptions
  const service = createService(build, ort, { device, ...(threads === undefined ? {} : { threads }) })
  const reply = (message: EngineReply): void => {
    process.send?.(message)
  }
  let previous = Promise.resolve()
  const stopped = new Set<number>()
  process.on('message', (request: EngineRequest) => {
    const { id, call } = request
    if (call === STOP) stopped.add(id)
    else previous = previous.then(() => answer(service, request, { reply, goesOn: () => !stopped.has(id) }))
  })
  process.on('disconnect', () => process.exit())
  // A signal to the whole process group is for the parent to act on: it ends this process when it is ready.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  reply({ kind: 'done', id: READY, value: undefined })
}

interface Listener {
  reply(message: EngineReply): void
  /** Whether the other side has not asked to stop. */
  goesOn(): boolean
}

async function answer(
  service: Service,
  { id, call, args }: EngineRequest,
  { reply, goesOn }: Listener,
): Promise<void> {
  try {
    const method = service[call as keyof Service] as (...args: readonly unknown[]) => Promise<unknown>
    const onProgress = (value: unknown): boolean => {
      reply({ kind: 'progress', id, value })
      return goesOn()
    }
    reply({ kind: 'done', id, value: await method(...args, onProgress) })
  } catch (cause) {
    const { name, message } = cause instanceof Error ? cause : new Error(String(cause))
    reply({ kind: 'failed', id, name, message })
  }
}
