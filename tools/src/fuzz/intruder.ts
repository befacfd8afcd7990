import { type Candidate, openCandidate } from '../conformance/candidate.js'
import { vectorOf } from '../conformance/vectors.js'
import { openRawLink, type RawLink, webSocketFrame } from './raw-link.js'
import type { LogLine, Served } from './served.js'

/** An agent that has joined and means no good. */
export interface Intruder {
  readonly candidate: Candidate
  /** An open connection: the last one while it lasts. Joins again when the agent is out of the fleet. */
  link(isIntroduced: boolean): Promise<RawLink>
  /** Under which code the coordinator closed the last connection, or why it is closed when nothing was refused. */
  closing(): Promise<string>
  sentBytes(): number
  leave(): void
}

const WAIT_MS = 20_000
/** Ends that are no refusal, because the agent itself asked for them, or hung up. */
const own: readonly string[] = ['client namespace disconnect', 'transport close']

/** Joins with a link of the coordinator. `role` is its label `role`. */
export async function createIntruder(served: Served, role: string): Promise<Intruder> {
  let candidate = await joined(served, role)
  let current: { readonly link: RawLink; readonly isIntroduced: boolean } | undefined
  let lines: LogLine[] = [] // about the agent, since it connected
  let earlierBytes = 0
  let noticed: () => void = () => {}
  const unwatch = served.watch((line) => {
    if (line.fields.agent !== candidate.agent.id) return
    lines.push(line)
    noticed()
  })

  async function connect(isIntroduced: boolean): Promise<RawLink> {
    earlierBytes += current?.link.sentBytes() ?? 0
    current = undefined
    const proof = await candidate.proof()
    lines = []
    const link = await openRawLink(served.url, proof, { waitMs: WAIT_MS })
    current = { link, isIntroduced }
    if (!isIntroduced) return link
    const { id, bytes } = vectorOf(2, 'hello')
    const answered = link.heard((packet) => packet.type === 3 && packet.id === id, WAIT_MS)
    link.write(webSocketFrame(bytes))
    if ((await answered) === undefined) throw new Error('hello was not answered')
    return link
  }

  return {
    get candidate() {
      return candidate
    },
    async link(isIntroduced) {
      if (current !== undefined && current.isIntroduced === isIntroduced && !current.link.isClosed())
        return current.link
      current?.link.close()
      try {
        return await connect(isIntroduced)
      } catch (error) {
        if (!String(error).includes('LRC-2006')) throw error
        candidate = await joined(served, role) // it was made to leave
        return await connect(isIntroduced)
      }
    },
    async closing() {
      const untilMs = performance.now() + WAIT_MS
      const ended = () => lines.find(({ event }) => event === 'agent-disconnected')
      while (ended() === undefined && performance.now() < untilMs)
        await new Promise<void>((resolve) => {
          noticed = resolve
          setTimeout(resolve, 1000)
        })
      const code = lines.find(({ fields }) => fields.code !== undefined)?.fields.code
      if (code !== undefined) return code
      const why = ended()?.fields.why ?? 'without a word'
      if (own.includes(why.replaceAll('"', ''))) return 'left'
      const isKnown = await candidate.upgrade(await candidate.proof())
      if ('status' in isKnown) return isKnown.body.includes('LRC-2006') ? 'left' : isKnown.body
      isKnown.close()
      return `closed, ${why}`
    },
    sentBytes: () => earlierBytes + (current?.link.sentBytes() ?? 0),
    leave() {
      current?.link.close()
      unwatch()
    },
  }
}

async function joined(served: Served, role: string): Promise<Candidate> {
  const candidate = openCandidate(served.join, { waitMs: WAIT_MS, labels: { role } })
  const { body, status } = await candidate.join(candidate.link.token)
  if (status !== 200) throw new Error(`a join was answered with ${status}: ${JSON.stringify(body)}`)
  return candidate
}
