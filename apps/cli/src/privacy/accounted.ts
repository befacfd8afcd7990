import { LoricaError } from '@lorica/protocol'

/** What a computation about privacy refuses came from the command line: LRC-8001. */
export function accounted<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new LoricaError('LRC-8001', error.message, { cause: error })
  }
}
