import { type Batch, poissonSteps, type RowSource, rowsAtOnce, trainPrivately } from '@lorica/peft-core'
import { addNoise } from '@lorica/privacy'
import { count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { heldOutLoss } from './held-out.js'
import type { PrivatePlan } from './private-options.js'
import type { LearningSession } from './session.js'
import type { OpenRows, Trained, TrainingPlan } from './training.js'

export type PrivatelyTrained = Pick<Trained, 'adapter' | 'session' | 'seconds' | 'heldOutLoss'>

/**
 * Trains with privacy of each example. `plan.rows` is the expected number of them in a step. Examples and noise are drawn anew in each
 * run: no seed gives them again. LRC-6011 when training diverges.
 */
export async function runPrivateTraining(
  {
    source,
    heldOut,
    open,
  }: {
    readonly source: RowSource<Batch>
    readonly heldOut: readonly RowSource<Batch>[]
    readonly open: OpenRows
  },
  plan: TrainingPlan,
  { clip, noiseMultiplier }: PrivatePlan,
  output: Output,
): Promise<PrivatelyTrained> {
  const rows = rowsAtOnce(plan.rows, plan.columns)
  await using session: LearningSession = await open(rows, undefined)
  const { adapter, parameters, starts, engine } = session
  const before = await heldOutLoss(session, heldOut, rows)
  const startedMs = performance.now()
  const { tensors, seconds } = await trainPrivately(
    engine,
    {
      tensors: adapter.tensors,
      steps: poissonSteps(source, { expectedExamples: plan.rows, rows, steps: plan.steps }),
      expectedExamples: plan.rows,
      clip,
      noiseMultiplier,
      addNoise,
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
    session: { parameters, starts, facts: engine.facts },
  }
}
