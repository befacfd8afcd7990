import { EngineError } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'

/** Sentences of runtimes and of Node that mean that memory ran out while the process stays up. */
const OUT_OF_MEMORY =
  /bad.?alloc|out of memory|failed to allocate|allocation failed|cannot allocate|array buffer allocation/i

/** Whether a request failed with the process that served it, or for want of memory: a smaller one may pass in a new process. */
export function hasFallen(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false
  return error.reason !== 'refused' || OUT_OF_MEMORY.test(error.message)
}

/**
 * What became of a request, as a coded error: LRC-6011 training diverged, LRC-7002 the model cannot be run, LRC-6003 for the
 * rest. The message names nothing of this machine, so that it may travel; `received` has the words of the process.
 */
export function engineFault(error: unknown): LoricaError {
  if (error instanceof LoricaError) return error
  const message = error instanceof Error ? error.message : String(error)
  if (/^training diverged/.test(message)) return new LoricaError('LRC-6011', message, { cause: error })
  if (error instanceof EngineError && error.reason === 'refused' && !hasFallen(error)) {
    return new LoricaError('LRC-7002', withoutValues(message), { received: message, cause: error })
  }
  return new LoricaError('LRC-6003', endOf(error), {
    ...{ expected: 'a process that trains to the end', received: message, cause: error },
  })
}

function endOf(error: unknown): string {
  if (!(error instanceof EngineError)) return 'the data of this machine could not be read on'
  if (error.reason === 'refused') return 'the training process ran out of memory'
  if (error.reason === 'stalled') return 'the training process hung and was ended'
  const [, how] = /ended (with code \d+|by SIG[A-Z0-9]+)/.exec(error.message) ?? []
  return how === undefined ? 'the training process cannot be reached' : `the training process ended ${how}`
}

/** What onnxruntime says of a failed operator quotes the value that it failed at, which may be a token of the data. */
function withoutValues(message: string): string {
  return message.replace(/ Status Message:[\s\S]*$/, '')
}
