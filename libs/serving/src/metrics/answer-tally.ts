/**
 * How requests went under each version of each model: what a rollout compares.
 * @module
 */

/** Requests under one version. */
export interface AnswerTally {
  /** That were answered, or failed by the fault of this side; what a client did wrong, or gave up, is not among them. */
  readonly requests: number
  readonly failures: number
  /** Sum over those answered of the seconds that a token took, waiting included, and the sum of the squares. */
  readonly seconds: number
  readonly secondsSquared: number
}

export interface AnswerTallies {
  answered(model: { readonly name: string; readonly version: string }, secondsPerToken: number): void
  failed(model: { readonly name: string; readonly version: string }): void
  of(name: string, version: string): AnswerTally
}

const nothing: AnswerTally = { requests: 0, failures: 0, seconds: 0, secondsSquared: 0 }

export function createAnswerTallies(): AnswerTallies {
  const tallies = new Map<string, AnswerTally>()
  const keyOf = (name: string, version: string): string => `${name} ${version}`
  const of = (name: string, version: string): AnswerTally => tallies.get(keyOf(name, version)) ?? nothing
  return {
    answered({ name, version }, secondsPerToken) {
      const before = of(name, version)
      tallies.set(keyOf(name, version), {
        ...before,
        requests: before.requests + 1,
        seconds: before.seconds + secondsPerToken,
        secondsSquared: before.secondsSquared + secondsPerToken ** 2,
      })
    },
    failed({ name, version }) {
      const before = of(name, version)
      tallies.set(keyOf(name, version), {
        ...before,
        requests: before.requests + 1,
        failures: before.failures + 1,
      })
    },
    of,
  }
}
