import type { AttackName, Outcome, RuleName } from './robust-federation.js'

export interface RobustRun extends Outcome {
  readonly attack: AttackName
  readonly rule: RuleName
  readonly liars: number // that there are, and that the rule is set for; of the attack 'none', that it is set for
  /** loss / loss of the mean of honest agents alone - 1; the mean over the trials. */
  readonly worseBy: number | null
  /** The same of each trial. */
  readonly worseByTrial: readonly (number | null)[]
  /** The standard error of that mean; null of one trial. */
  readonly worseByError: number | null
  /** Why the rule does not take so few agents. */
  readonly refused?: string
}

export interface RobustResult {
  /** The mean with no liar among the agents. */
  readonly clean: Outcome
  /** How much worse the same honest agents end on the same rows in another order: what a federation differs by from itself. */
  readonly again: Spread
  /** Before any training. */
  readonly untrained: Outcome
  readonly runs: readonly RobustRun[]
}

/** One trial: every federation once. */
export interface Trial {
  readonly clean: Outcome
  readonly again: Outcome
  readonly untrained: Outcome
  readonly runs: readonly TrialRun[]
}

export type TrialRun = Omit<RobustRun, 'worseBy' | 'worseByTrial' | 'worseByError'>

/** A number of several trials: their mean, and the standard error of the mean; null where a trial has none, or there is only one. */
export interface Spread {
  readonly mean: number | null
  readonly error: number | null
  readonly trials: readonly (number | null)[]
}

/** The trials of a bench as one result; what federations end with are means, and comparisons are made within each trial. */
export function overTrials(trials: readonly Trial[]): RobustResult {
  const worse = (of: (trial: Trial) => Outcome): Spread =>
    spreadOf(trials.map((trial) => worseBy(of(trial), trial.clean)))
  const cells = trials[0]?.runs ?? []
  return {
    clean: meanOutcome(trials.map(({ clean }) => clean)),
    again: worse(({ again }) => again),
    untrained: meanOutcome(trials.map(({ untrained }) => untrained)),
    runs: cells.map((cell, at) => {
      const outcomes = trials.map(({ runs }) => runs[at] as TrialRun)
      const { mean, error, trials: each } = worse(({ runs }) => runs[at] as TrialRun)
      return { ...cell, ...meanOutcome(outcomes), worseBy: mean, worseByTrial: each, worseByError: error }
    }),
  }
}

const worseBy = ({ loss }: Outcome, clean: Outcome): number | null =>
  loss === null || clean.loss === null ? null : loss / clean.loss - 1

function meanOutcome(outcomes: readonly Outcome[]): Outcome {
  const mean = (of: (outcome: Outcome) => number | null) => spreadOf(outcomes.map(of)).mean
  return {
    loss: mean(({ loss }) => loss),
    accuracy: mean(({ accuracy }) => accuracy),
    backdoor: mean(({ backdoor }) => backdoor),
  }
}

/** Mean and standard error, with n - 1 in the variance. */
export function spreadOf(trials: readonly (number | null)[]): Spread {
  const values = trials.flatMap((value) => value ?? [])
  const count = values.length
  if (count === 0 || count < trials.length) return { mean: null, error: null, trials }
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  if (count === 1) return { mean, error: null, trials }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, error: Math.sqrt(squares / (count - 1) / count), trials }
}
