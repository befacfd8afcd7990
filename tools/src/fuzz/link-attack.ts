import type { Packet } from '@lorica/protocol'
import { type Dice, dice } from './frames.js'
import { goldenPackets } from './golden.js'
import { createIntruder, type Intruder } from './intruder.js'
import { hostileFrame, misuses } from './misuse.js'
import type { Outcomes } from './outcomes.js'
import { type RawLink, webSocketFrame } from './raw-link.js'
import type { Served } from './served.js'

const ANSWER_MS = 20_000
const MISUSE_SHARE = 5 // one act in as many
let lastProbe = 1_000_000_000

/** Sends hostile frames and misuses the WebSocket, `acts` times, each on a connection that has proven its agent. */
export async function attackLink(
  served: Served,
  { acts, seed }: { readonly acts: number; readonly seed: number },
  outcomes: Outcomes,
): Promise<void> {
  const roll = dice(seed)
  const golden = goldenPackets()
  const intruder = await createIntruder(served, 'intruder')
  try {
    for (let index = 0; index < acts; index++) {
      const misuse = roll(MISUSE_SHARE) === 0 ? misuses[roll(misuses.length)]! : undefined
      const bytes = misuse === undefined ? hostileFrame(roll, golden) : undefined
      const what = misuse?.name ?? `a frame, ${Buffer.from(bytes!.subarray(0, 60)).toString('hex')}…`
      const act = (link: RawLink) =>
        misuse === undefined ? link.write(webSocketFrame(bytes!)) : misuse.act(link, roll)
      await outcomes.note(`act ${index} of seed ${seed}: ${what}`, () => suffered(intruder, act, roll))
    }
    outcomes.sent(intruder.sentBytes())
  } finally {
    intruder.leave()
  }
}

/** What an act came to: every code that it was answered with, or that closed its connection. */
async function suffered(
  intruder: Intruder,
  act: (link: RawLink) => void,
  roll: Dice,
): Promise<readonly string[]> {
  const isIntroduced = roll(4) > 0
  const link = await intruder.link(isIntroduced)
  const probe = ++lastProbe
  const codes: string[] = []
  const hear = ({ type, id, data }: Packet): boolean => {
    if (type !== 3) return false
    if (id === probe) return true
    const code = refusalIn(data)
    if (code !== undefined) codes.push(code)
    return false
  }
  const answered = link.heard(hear, ANSWER_MS)
  act(link)
  const nothing = { sha256: '0'.repeat(64), offset: 0, length: 1 }
  link.say({ type: 2, nsp: '/', id: probe, data: ['blob.read', nothing] })
  const answer = await answered
  if (answer === undefined && !link.isClosed()) return ['neither an answer nor an end']
  const last = answer === undefined ? await intruder.closing() : refusalIn(answer.data)
  const expected = isIntroduced ? 'LRC-3008' : 'LRC-2010'
  if (answer !== undefined && last !== expected && last !== 'LRC-3008')
    return [...codes, `the probe: ${last}`]
  return answer === undefined ? [...codes, last ?? ''] : codes
}

function refusalIn(data: unknown): string | undefined {
  const [reply] = data as readonly [{ readonly ok?: unknown; readonly refusal?: { readonly code?: string } }]
  return reply?.ok === true ? undefined : (reply?.refusal?.code ?? 'no refusal')
}
