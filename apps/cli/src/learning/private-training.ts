import {
  type Adapter,
  type Batch,
  orthonormalStart,
  poissonSteps,
  type RowSource,
  rowsAtOnce,
  strategyOf,
  trainPrivately,
} from '@lorica/peft-core'
import { addNoise } from '@lorica/privacy'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { heldOutLoss } from './held-out.js'
import type { PrivatePlan } from './private-options.js'
import type { LearningSession } from './session.js'
import type { OpenRows, Trained, TrainingPlan } from './training.js'

/** Which factors are trained, and what they start from. */
export type PrivateStart = 'as it is' | 'A frozen' | 'orthonormal A, frozen'

export interface PrivatelyTrained extends Pick<Trained, 'adapter' | 'session' | 'seconds' | 'heldOutLoss'> {
  /** How many numbers were trained. */
  readonly parameters: number
}

/**
 * Trains with privacy of each example. `plan.rows` is the expected number of them in a step. Examples and noise are drawn anew in each
 * run: no seed gives them again. LRC-6011 when training diverges.
 */
export async function runPrivateTraining(
  {
    source,
    heldOut,
    open,
    start,
  }: {
    readonly source: RowSource<Batch>
    readonly heldOut: readonly RowSource<Batch>[]
    readonly open: OpenRows
    readonly start: PrivateStart
  },
  plan: TrainingPlan,
  { clip, noiseMultiplier }: PrivatePlan,
  output: Output,
): Promise<PrivatelyTrained> {
  const rows = rowsAtOnce(plan.rows, plan.columns)
  await using session: LearningSession = await open(rows, undefined)
  const { starts, engine } = session
  const isOrthonormal = start === 'orthonormal A, frozen'
  const adapter = isOrthonormal ? await orthonormalStart(session.adapter) : session.adapter
  const frozen = start === 'as it is' ? [] : frozenFactors(adapter)
  const before = await heldOutLoss({ ...session, adapter }, heldOut, rows)
  const startedMs = performance.now()
  const { tensors, seconds } = await trainPrivately(
    engine,
    {
      tensors: adapter.tensors,
      steps: poissonSteps(source, { expectedExamples: plan.rows, rows, steps: plan.steps }),
      expectedExamples: plan.rows,
      ...{ clip, noiseMultiplier, addNoise, frozen },
      optimizer: plan.optimizer,
      schedule: { ...plan.schedule, firstStep: 0 },
    },
    ({ step, learningRate }) => {
      const leftMs = ((performance.now() - startedMs) / (step + 1)) * (plan.steps - step - 1)
      output.progress(
        `step ${step + 1}/${count(plan.steps)}  lr ${learningRate.toExponential(1)}  ${duration(leftMs / 1000)} left`,
      )
    },
  )
  const trained = { ...adapter, tensors }
  const after = await heldOutLoss({ ...session, adapter: trained }, heldOut, rows)
  return {
    ...{ adapter: trained, seconds, heldOutLoss: { before, after } },
    session: { parameters: session.parameters, starts, facts: engine.facts },
    parameters: [...tensors].reduce(
      (sum, [name, { data }]) => sum + (frozen.includes(name) ? 0 : data.length),
      0,
    ),
  }
}

/** The names of the factors that stay as they are where the others are trained alone. */
export function frozenFactors({ config, tensors }: Adapter): readonly string[] {
  const shapes = new Map([...tensors].map(([name, { shape }]) => [name, shape]))
  const roles = strategyOf({ strategy: 'ffa' }).roles({ config, shapes }, 1)
  return [...roles].filter(([, role]) => role === 'frozen').map(([name]) => name)
}
