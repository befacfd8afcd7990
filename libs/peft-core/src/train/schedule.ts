/** How the learning rate moves over a run. Rises from 0 over the warm-up steps, then stays, or falls to 0 at the last step. */
export interface Schedule {
  readonly kind: 'constant' | 'linear' | 'cosine'
  readonly warmupSteps: number
  /** Steps of the whole run, of which a round may be a part. */
  readonly totalSteps: number
  /** How many steps of the run were made before. */
  readonly firstStep: number
}

/**
 * The part of the peak learning rate that applies to a step of this round, counted from 0.
 * Equal to get_constant_schedule_with_warmup, get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup of
 * https://github.com/huggingface/transformers/blob/main/src/transformers/optimization.py
 */
export function scheduleFactor({ kind, warmupSteps, totalSteps, firstStep }: Schedule, step: number): number {
  const at = firstStep + step
  if (at < warmupSteps) return at / warmupSteps
  if (kind === 'constant') return 1
  const progress = Math.min(1, (at - warmupSteps) / Math.max(1, totalSteps - warmupSteps))
  return kind === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress))
}

/** The sum of the learning rates of the next `steps` steps, added up in their order. */
export function rateSumOf(peak: number, schedule: Schedule, steps: number): number {
  let sum = 0
  for (let step = 0; step < steps; step++) sum += peak * scheduleFactor(schedule, step)
  return sum
}
