import { connect } from 'node:net'
import type { Candidate } from './candidate.js'
import { introduce } from './conversation.js'
import { leave } from './invitations.js'
import { refusalIn } from './joining.js'
import { withAnother } from './rotation.js'
import type { Statement } from './statement.js'

/** A statement that takes time, whatever the coordinator does. It is looked at beside the others, as an agent of its own. */
export interface SlowStatement extends Statement {
  readonly takesMs: number
}

const TIMELY = 'closed in time, and not before'
const NAMESPACE_MS = 5000
const HELLO_MS = 10_000
const HEADERS_MS = 10_000
const BODY_MS = 20_000
const HEARTBEAT_MS = 25_000
const CHALLENGE_MS = 30_000 // that an answer may give at most, to be looked at
const SLACK_MS = 3000 // that a clock, a timer and the network may add

/** What sections 1 and 2 say of peers that keep silent, and of a nonce that was kept. */
export const patience: readonly SlowStatement[] = [
  silent('a WebSocket that has not joined its namespace after 5 s is closed', NAMESPACE_MS, (agent) =>
    agent.proof().then((proof) => agent.upgrade(proof, { silence: 'namespace' })),
  ),
  silent('a connection that has not said hello after 10 s is closed', HELLO_MS, (agent) =>
    agent.proof().then((proof) => agent.upgrade(proof)),
  ),
  silent('a connection that answers no heartbeat is closed within 25 s', HEARTBEAT_MS, async (agent) => {
    const wire = await agent.upgrade(await agent.proof(), { silence: 'heartbeats' })
    if (!('status' in wire)) await introduce(wire)
    return wire
  }),
  incomplete(
    'headers that are not complete after 10 s end the connection',
    HEADERS_MS,
    'GET / HTTP/1.1\r\nHost: c\r\n',
  ),
  incomplete(
    'a body that is not complete after 20 s ends the connection',
    BODY_MS,
    'POST /api/v1/agents/challenge HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{',
  ),
  {
    section: '2',
    statement: 'a nonce that was kept for longer than its answer says is refused',
    expected: 'status 401, LRC-2005',
    takesMs: CHALLENGE_MS + SLACK_MS,
    observe: (candidate) =>
      withAnother(candidate, async (agent) => {
        const { nonce, expiresInMs } = await agent.challenge()
        if (expiresInMs > CHALLENGE_MS) return { because: `a nonce is valid for ${expiresInMs} ms here` }
        await new Promise((resolve) => setTimeout(resolve, expiresInMs + 1000))
        const wire = await agent.upgrade(await agent.proof(agent.agent, nonce))
        const word = 'status' in wire ? refusalIn(wire) : 'a connection'
        if (!('status' in wire)) wire.close()
        await leave(agent)
        return word
      }),
  },
]

function silent(
  statement: string,
  afterMs: number,
  open: (agent: Candidate) => ReturnType<Candidate['upgrade']>,
): SlowStatement {
  return {
    section: afterMs === HEARTBEAT_MS ? '2' : '1',
    statement,
    expected: TIMELY,
    takesMs: afterMs + SLACK_MS,
    observe: (candidate) =>
      withAnother(candidate, async (agent) => {
        const wire = await open(agent)
        if ('status' in wire) return refusalIn(wire)
        const startedMs = performance.now()
        const isClosed = await wire.isClosed(afterMs + SLACK_MS)
        const tookMs = performance.now() - startedMs
        wire.close()
        await leave(agent)
        if (!isClosed) return `open after ${Math.round(tookMs)} ms`
        return tookMs < earliestMs(afterMs) ? `closed after ${Math.round(tookMs)} ms` : TIMELY
      }),
  }
}

/** A request whose rest is dripped, a space at a time, and that never comes to its end. */
function incomplete(statement: string, afterMs: number, start: string): SlowStatement {
  return {
    section: '1',
    statement,
    expected: `${TIMELY}: LRC-1009`,
    takesMs: afterMs + SLACK_MS,
    async observe({ link }) {
      if (link.url.startsWith('https:')) return { because: 'the link is to TLS' }
      const { hostname, port } = new URL(link.url)
      const socket = connect(Number(port), hostname)
      const startedMs = performance.now()
      socket.write(start)
      const drip = setInterval(() => socket.writable && socket.write(start.endsWith('{') ? ' ' : 'a'), 500)
      const stop = setTimeout(() => socket.destroy(), afterMs + SLACK_MS)
      let answer = ''
      try {
        for await (const part of socket) answer += String(part)
      } catch {
        // that it was cut off says what it comes to
      } finally {
        clearInterval(drip)
        clearTimeout(stop)
      }
      const tookMs = performance.now() - startedMs
      const code = /"code":"(LRC-\d{4})"/.exec(answer)?.[1] ?? 'no answer'
      return tookMs >= afterMs - 1000 && tookMs < afterMs + SLACK_MS
        ? `${TIMELY}: ${code}`
        : `after ${Math.round(tookMs)} ms: ${code}`
    },
  }
}

/** When a connection that keeps silent may end: heartbeats are missed from the last one on. */
function earliestMs(afterMs: number): number {
  return afterMs === HEARTBEAT_MS ? 5000 : afterMs - 1000
}
