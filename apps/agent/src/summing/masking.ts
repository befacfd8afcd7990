import { createHash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { type Masking, maskedUpdate } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'

/** An update as it leaves for a secure sum. */
export interface MaskedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly sha256: string
}

/** Masks an update. Rejects with RangeError for values that do not fit, or with LoricaError LRC-9001 when it fell. */
export type Mask = (masking: Masking) => Promise<MaskedBytes>

/** What the thread answers. */
export type MaskingAnswer =
  | { readonly kind: 'masked'; readonly masked: MaskedBytes }
  | { readonly kind: 'refused'; readonly message: string }

/** The compiled program, also when this file runs from source. */
const PROGRAM = new URL(
  'masking-thread.js',
  import.meta.url.replace(/\/src\/summing\/masking\.ts$/, '/dist/summing/masking.js'),
)

/** Masks an update here and now. */
export function maskHere(masking: Masking): MaskedBytes {
  const bytes = maskedUpdate(masking)
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Masks an update in a thread of its own, so that the agent answers meanwhile. The thread and what it knew are gone afterwards. */
export function maskInThread(masking: Masking, program: URL = PROGRAM): Promise<MaskedBytes> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(program, { workerData: masking })
    thread.unref()
    const fell = (why: string, cause?: Error): void =>
      reject(new LoricaError('LRC-9001', `the thread that masks fell: ${why}`, { cause }))
    thread.once('message', (answer: MaskingAnswer) => {
      if (answer.kind === 'masked') resolve(answer.masked)
      else reject(new RangeError(answer.message))
    })
    thread.once('error', (cause) => fell(cause.message, cause))
    thread.once('exit', (code) => fell(`it ended with ${code}`)) // after an answer, nobody hears it
  })
}
