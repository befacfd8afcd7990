import type { RunStrategy } from './aggregate-spec.js'
import type { DpSpec } from './dp-spec.js'
import type { GuardSpec } from './guard-spec.js'
import type { RobustSpec } from './robust-spec.js'

/** The settings of a run that may exclude each other. */
export interface Settings {
  readonly aggregate: {
    readonly strategy: RunStrategy
    readonly personal?: readonly string[] | undefined
    readonly trust: 'exact' | 'robust' | 'private'
    readonly robust?: RobustSpec | undefined
    readonly weights: { readonly by: string }
    readonly optimizer?: { readonly kind: string } | undefined
  }
  readonly rounds: {
    readonly minimum: number
    readonly mode: 'sync' | 'buffered'
    readonly goal: number | null
    readonly overSelect: number
  }
  readonly peft: {
    readonly ranks?: readonly unknown[] | undefined
    readonly start?: 'random' | 'principal' | undefined
    readonly modulesToSave?: readonly string[] | undefined
  }
  readonly local: {
    readonly steps: number
    readonly optimizerState: 'reset' | 'keep'
    readonly optimizer?: 'adamw' | 'sgd' | undefined
    readonly weightDecay: number
    readonly accumulate: number
    readonly proximal?: number | null | undefined
    readonly scaffold?: boolean | undefined
  }
  readonly privacy: {
    readonly clip: number | null
    readonly secureAggregation?: { readonly minSurvivors?: number | undefined } | undefined
    readonly dp?: DpSpec | undefined
  }
  readonly data: { readonly format: string }
  readonly evaluate: {
    readonly guards: readonly GuardSpec[]
    readonly holdout: number
    readonly reference?: readonly string[] | undefined
  }
  readonly update: { readonly encoding: string }
}

/** Two settings of a run that do not go together, why, and what to choose instead. */
export interface Exclusion {
  applies(spec: Settings): boolean
  first(spec: Settings): string
  second(spec: Settings): string
  readonly because: string | ((spec: Settings) => string)
  readonly instead: string | ((spec: Settings) => string)
}
