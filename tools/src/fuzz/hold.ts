import {
  type CatalogueEntry,
  catalogue,
  decodePacket,
  LoricaError,
  parseHello,
  readMessage,
} from '@lorica/protocol'
import { dice, nextFrame } from './frames.js'
import { goldenPackets } from './golden.js'

/** What became of the frames. */
export interface Held {
  readonly frames: number
  readonly refused: Readonly<Record<string, number>> // by code
  readonly decoded: number
  readonly messages: number // that some message of the protocol would be
  readonly heapGrowthBytes: number // once garbage is collected, where it can be
}

const refusals = /^LRC-10(0[1-8])$/

/**
 * Holds this many frames from a seed against the codec and every schema. Throws an Error that names the seed and the frame when one is
 * answered by anything but a typed refusal.
 */
export function holdFrames(frames: number, seed: number): Held {
  const golden = goldenPackets()
  const roll = dice(seed)
  const refused: Record<string, number> = {}
  const counts = { decoded: 0, messages: 0 }
  const startBytes = heapBytes()
  for (let index = 0; index < frames; index++) {
    const frame = nextFrame(roll, golden)
    try {
      const { data } = decodePacket(frame)
      counts.decoded++
      for (const part of Array.isArray(data) ? data : [data]) if (isMessage(part)) counts.messages++
    } catch (error) {
      const code = error instanceof LoricaError ? error.code : String(error)
      if (!refusals.test(code)) {
        const hex = Buffer.from(frame.subarray(0, 200)).toString('hex')
        throw new Error(`seed ${seed}, frame ${index} (${frame.byteLength} bytes, ${hex}…): ${code}`, {
          cause: error,
        })
      }
      refused[code] = (refused[code] ?? 0) + 1
    }
  }
  if (Reflect.has(Object.prototype, 'software'))
    throw new Error(`seed ${seed}: the prototype of all objects was changed`)
  return { frames, refused, ...counts, heapGrowthBytes: heapBytes() - startBytes }
}

function isMessage(part: unknown): boolean {
  const attempts = Object.entries<CatalogueEntry>(catalogue).map(([name, { message }]) =>
    attempt(() => readMessage(message, name, part)),
  )
  return [attempt(() => parseHello(part)), ...attempts].includes(true)
}

/** Whether it succeeds; a refusal is a no, and any other error is thrown on. */
function attempt(act: () => unknown): boolean {
  try {
    act()
    return true
  } catch (error) {
    if (error instanceof LoricaError && refusals.test(error.code)) return false
    throw error
  }
}

function heapBytes(): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage().heapUsed
}
