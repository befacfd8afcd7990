import type { TrainJob } from '@lorica/peft-core'
import type { TrainAssignment } from '@lorica/protocol'

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const

/** The optimiser that an assignment asks for. */
export function optimizerOf({
  optimizer,
  learningRate,
  weightDecay,
}: TrainAssignment['local']): TrainJob['optimizer'] {
  return { ...(optimizer === 'sgd' ? { kind: optimizer } : ADAM), learningRate, weightDecay }
}

/** The learning rate over the steps of an assignment, which are a part of those of its run. */
export function scheduleOf({
  schedule: kind,
  warmupSteps,
  totalSteps,
  firstStep,
}: TrainAssignment['local']): TrainJob['schedule'] {
  return { kind, warmupSteps, totalSteps, firstStep }
}
