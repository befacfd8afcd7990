/**
 * The thread that masks an update: it is started with the update, answers once, and ends.
 * @module
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { Masking } from '@lorica/privacy'
import { type MaskingAnswer, maskHere } from './masking.js'

function answerTo(masking: Masking): MaskingAnswer {
  try {
    return { kind: 'masked', masked: maskHere(masking) }
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'refused', message: error.message }
    throw error
  }
}

const answer = answerTo(workerData as Masking)
parentPort?.postMessage(answer, answer.kind === 'masked' ? [answer.masked.bytes.buffer] : [])
