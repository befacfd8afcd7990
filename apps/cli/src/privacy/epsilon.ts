import { epsilonOf } from '@lorica/privacy'
import { Command } from 'commander'
import { positiveNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { accounted } from './accounted.js'
import { accountantOf, meaning, phaseOf, roundedUp, type StepOptions, withStepOptions } from './steps.js'

interface EpsilonOptions extends StepOptions {
  readonly noiseMultiplier: number
}

/** `lorica privacy epsilon`: what noisy steps promise. */
export function epsilonCommand(): Command {
  const command = new Command('epsilon')
    .description('the epsilon of (epsilon, delta)-differential privacy that steps with Gaussian noise keep')
    .requiredOption(
      '--noise-multiplier <z>',
      'standard deviation of the noise of a step over the clipping norm',
      positiveNumber,
    )
  return runs(withStepOptions(command), async (options: EpsilonOptions, output) => show(options, output))
}

function show(options: EpsilonOptions, output: Output): void {
  const { noiseMultiplier, delta } = options
  const phase = { ...phaseOf(options), noiseMultiplier }
  const { epsilon, accountant, order } = accounted(() => epsilonOf([phase], delta, accountantOf(options)))
  output.result({ epsilon, accountant, order }, [
    `epsilon ${roundedUp(epsilon)} at delta ${delta}, by ${accountant}${order === null ? '' : ` of order ${order}`}`,
    ...meaning(epsilon, options),
  ])
}
