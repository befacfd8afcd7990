/**
 * An engine trains and evaluates in a process of its own.
 * @module
 */
import { type EngineLink, type EngineOptions, openEngineLink } from './engine-link.js'
import type { Service } from './service.js'

/** A running engine. Requests are served in order; one that fails rejects with an `EngineError`. */
export interface Engine
  extends Omit<Service, 'train' | 'generate'>,
    Pick<EngineLink, 'pid' | 'facts' | 'close'>,
    AsyncDisposable {
  train(job: TrainArgs[0], onStep?: TrainArgs[1]): ReturnType<Service['train']>
  generate(
    tensors: GenerateArgs[0],
    prompt: GenerateArgs[1],
    sampling: GenerateArgs[2],
    /** False ends the text; a token or two more may come. */
    onToken?: GenerateArgs[3],
  ): ReturnType<Service['generate']>
}

type TrainArgs = Parameters<Service['train']>
type GenerateArgs = Parameters<Service['generate']>

/**
 * Starts an engine's process and waits until it takes requests. It ends with this process, at the latest. EngineError
 * when the runtime or the device that was chosen cannot be used; no other is tried.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const { pid, facts, request, close } = await openEngineLink(options)
  return {
    pid,
    facts,
    open: (spec) => request('open', [spec]),
    train: ({ batches, ...job }, onProgress) => request('train', [job], { batches, onProgress }),
    evaluate: (tensors, batches) => request('evaluate', [tensors], { batches }),
    measure: (tensors, batches, onBatch) =>
      request('measure', [tensors], { batches, onProgress: (batch) => void onBatch(batch) }),
    gradients: (tensors, batch) => request('gradients', [tensors, batch]),
    clippedSums: (tensors, batch, options) => request('clippedSums', [tensors, batch, options]),
    logits: (tensors, inputIds) => request('logits', [tensors, inputIds]),
    products: (times) => request('products', [times]),
    rate: () => request('rate', []),
    generate: (tensors, prompt, sampling, onProgress) =>
      request('generate', [tensors, prompt, sampling], { onProgress }),
    answer: (tensors, prompts, sampling) => request('answer', [tensors, prompts, sampling]),
    peakBytes: () => request('peakBytes', []),
    close,
    [Symbol.asyncDispose]: close,
  }
}
