import { quantizeModel } from '@lorica/peft-core'
import { Command, Option } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { expectNewFolder } from '../screen/place.js'
import { withCode } from './errors.js'

interface QuantizeOptions {
  readonly model: string
  readonly out: string
  readonly bits: '4' | '8'
  readonly block: number
  readonly symmetric?: boolean
}

/** `lorica quantize`: a base whose linear layers take a few bits a number, to train adapters over. */
export function quantizeCommand(): Command {
  const command = new Command('quantize')
    .description(
      'store the linear layers of a model in blocks of 4-bit or 8-bit numbers, to train adapters over',
    )
    .requiredOption('--model <folder>', 'a Hugging Face folder')
    .requiredOption('--out <folder>', 'where the quantised model goes (must not exist)')
    .addOption(new Option('--bits <bits>', 'of a number').choices(['4', '8']).default('4'))
    .option('--block <n>', 'numbers that share a scale: a power of two, 16 or more', positiveInteger, 32)
    .option('--symmetric', 'without zero points')
  return runs(command, (options: QuantizeOptions, output) =>
    withCode('LRC-7001', () => quantize(options, output)),
  )
}

async function quantize(options: QuantizeOptions, output: Output): Promise<void> {
  const { model, out, block: blockSize, symmetric = false } = options
  expectNewFolder(out)
  const bits = options.bits === '4' ? 4 : 8
  const made = await quantizeModel({ model, out, bits, blockSize, symmetric }, (done, total) =>
    output.progress(`rounding ${Math.round((100 * done) / total)} %`),
  )
  output.result(made, [
    `${count(made.modules.length)} linear layers in ${bits}-bit blocks of ${blockSize}: ${made.model}`,
    `${count(made.bytesBefore / 2 ** 20)} MB of weights are ${count(made.bytesAfter / 2 ** 20)} MB now; as they were: ${made.kept.join(', ') || 'none'}`,
  ])
}
