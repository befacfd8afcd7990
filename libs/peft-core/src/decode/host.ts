/**
 * The main program of a process that decodes; `startDecodingEngine` forks it.
 * @module
 */
import { hostRequests } from '../runtime/serve.js'
import { buildTrainingGraph } from '../train/graph.js'
import { createDecoding, type Decoding } from './decoding.js'

hostRequests((runtime, options) => {
  const decoding = createDecoding(buildTrainingGraph, runtime, options)
  return ({ call, args }, { onProgress, goesOn }) => {
    if (call === 'decode') {
      const [job] = args as [Parameters<Decoding['decode']>[0]]
      return decoding.decode(job, onProgress, goesOn)
    }
    const method = decoding[call as keyof Decoding] as (...args: readonly unknown[]) => Promise<unknown>
    return method(...args)
  }
})
