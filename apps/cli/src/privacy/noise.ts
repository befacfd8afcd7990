import { noiseFor } from '@lorica/privacy'
import { Command } from 'commander'
import { positiveNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { accounted } from './accounted.js'
import { accountantOf, meaning, phaseOf, roundedUp, type StepOptions, withStepOptions } from './steps.js'

interface NoiseOptions extends StepOptions {
  readonly epsilon: number
}

/** `lorica privacy noise`: how much noise a promise takes. */
export function noiseCommand(): Command {
  const command = new Command('noise')
    .description('the smallest noise multiplier with which steps keep an epsilon')
    .requiredOption('--epsilon <e>', 'what is promised', positiveNumber)
  return runs(withStepOptions(command), async (options: NoiseOptions, output) => show(options, output))
}

function show(options: NoiseOptions, output: Output): void {
  const found = accounted(() =>
    noiseFor(options.epsilon, options.delta, [phaseOf(options)], accountantOf(options)),
  )
  const { noiseMultiplier, epsilon, accountant, order } = found
  output.result({ noiseMultiplier, epsilon, accountant, order }, [
    `noise multiplier ${roundedUp(noiseMultiplier)} for epsilon ${options.epsilon} at delta ${options.delta}, by ${accountant}${order === null ? '' : ` of order ${order}`}`,
    ...meaning(options.epsilon, options),
  ])
}
