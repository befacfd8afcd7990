import type { ModelCorpus } from './corpus.js'
import type { TrainOptions } from './train-plan.js'

/** A command that shows what the adapter does. */
export function trialOf({ model, out, data, holdout }: TrainOptions, task: ModelCorpus['task']): string {
  const [what, how] =
    task === 'causal'
      ? ['generate', '--prompt "Once upon a time"']
      : ['eval', `--data ${data[0]}${holdout === 0 ? '' : ` --holdout ${holdout}`}`]
  return `lorica ${what} --model ${model} --adapter ${out} ${how}`
}
