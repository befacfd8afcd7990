import { isRefusal, type SumRefusal } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'

/** The next state of a sum. Throws LoricaError LRC-4018 for a refusal. */
export function expectStep<T extends object>(step: T | SumRefusal): T {
  if (isRefusal(step)) throw notFinished(`${step.refused}: ${step.message}`)
  return step
}

/** The error for a secure sum that ends without its sum. */
export function notFinished(why: string): LoricaError {
  return new LoricaError('LRC-4018', `the secure sum was not finished: ${why}`)
}
