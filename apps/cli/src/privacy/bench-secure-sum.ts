import { Command, InvalidArgumentError } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { secureSumCost } from './secure-sum-cost.js'

interface BenchSecureSumOptions {
  readonly agents: number
  readonly size: number
  readonly bits: number
  readonly noise?: true
}

/** `lorica bench secure-sum`: what a secure sum costs one agent. */
export function benchSecureSumCommand(): Command {
  const command = new Command('secure-sum')
    .description(
      'what one agent pays so that the coordinator sees only the sum of the updates: bytes and processor time',
    )
    .option('--agents <n>', 'agents of the sum', positiveInteger, 50)
    .option('--size <size>', 'of an update of 32-bit values, such as 10MB', sizeOf, 10e6)
    .option('--bits <n>', 'of each value on its way, 8 to 32', positiveInteger, 32)
    .option('--noise', 'with noise of each agent on its values, as in runs with privacy.dp.noise shared')
    .addHelpText(
      'after',
      `
All agents take their real steps in this process, but only one masks an update, and only its time and frames are counted. The plain update
it is held against has 32 bits a value and the same frames. Nothing is sent.`,
    )
  return runs(command, (options: BenchSecureSumOptions, output) => show(options, output))
}

async function show({ agents, size, bits, noise }: BenchSecureSumOptions, output: Output): Promise<void> {
  const cost = await secureSumCost({ agents, elements: Math.floor(size / 4), bits, hasNoise: noise === true })
  const steps = Object.entries(cost.cpuMsByStep).map(([step, ms]) => `${step} ${ms.toFixed(0)}`)
  output.result(cost, [
    `${agents} agents, ${cost.neighbours} neighbours each, at least ${cost.minSurvivors} in the sum`,
    `sent ${bytes(cost.bytesUp)}, received ${bytes(cost.bytesDown)}: ${cost.ratio.toFixed(4)} of the plain update (${bytes(cost.plainBytes)})`,
    `processor time of one agent: ${cost.cpuMs.toFixed(0)} ms (${steps.join(', ')})`,
  ])
}

const units: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9 }

function sizeOf(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*(KB|MB|GB)?$/.exec(text) ?? []
  const size = Number(number) * (units[unit] ?? 1)
  if (number === '' || size < 4) throw new InvalidArgumentError(`expected a size such as 10MB, got "${text}"`)
  return size
}
