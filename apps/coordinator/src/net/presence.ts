import { type CoordinatorEvents, fitMessage, LoricaError, limits } from '@lorica/protocol'
import type { Member, Presence } from '../fleet/roster.js'
import type { SumTelling } from '../fleet/sum-telling.js'
import type { Tracer } from '../watching/tracer.js'
import type { AgentSocket } from './agent-socket.js'

/** A presence whose sends go to `socket` and are answered before their deadline. */
export function presenceOf(
  socket: AgentSocket,
  member: Member,
  hello: Presence['hello'],
  read: Readers,
): Presence {
  const send = (name: keyof CoordinatorEvents, message: object) =>
    inTime(socket.timeout(limits.ackTimeoutMs).emitWithAck(name, fitMessage(name, message, hello.protocol)))
  const { agentId, name, labels } = member
  const { tracer } = read
  const inTime = async (sent: Promise<unknown>): Promise<unknown> => {
    try {
      return await sent
    } catch (cause) {
      throw new LoricaError('LRC-1009', `agent ${name} did not answer`, { cause })
    }
  }
  return {
    agentId,
    name,
    labels,
    hello,
    sendAssignment: async (assignment) => {
      read.assignment(await send('assignment', bearing(assignment, tracer?.traceparent(assignment))))
    },
    sendRelease: async (release) =>
      read.release(await send('release', bearing(release, tracer?.releaseContext(release)))),
    sendTrust: async (letter) => read.trust(await send('trust', letter)),
    sendRunEnded: async (ended) => read.runEnded(await send('run-ended', ended)),
    sendTarget: async (target) =>
      read.target(await send('target', bearing(target, tracer?.targetContext(target, agentId)))),
    sendSum: async (telling) => read.sum(telling.name, await send(telling.name, telling.message)),
  }
}

/** A message with the context that it belongs to, where there is one. */
function bearing<T extends object>(message: T, traceparent: string | undefined): T {
  return traceparent === undefined ? message : { ...message, traceparent }
}

/** How the answers of an agent are checked, and what its assignments belong to. */
export interface Readers {
  readonly tracer?: Pick<Tracer, 'traceparent' | 'releaseContext' | 'targetContext'> | undefined
  assignment(reply: unknown): void
  release(reply: unknown): void
  trust(reply: unknown): void
  runEnded(reply: unknown): void
  target(reply: unknown): void
  sum(name: SumTelling['name'], reply: unknown): void
}
