import type { LoricaError } from '@lorica/protocol'

/** A promise that is rejected from outside, or stays pending. */
export function deferred() {
  let reject: (error: LoricaError) => void = () => {}
  const promise = new Promise<never>((_, settle) => {
    reject = settle
  })
  promise.catch(() => {}) // whoever awaits it hears of it
  return { promise, reject }
}
