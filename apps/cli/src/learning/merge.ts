import { describeModel, mergeAdapter, readAdapterFor } from '@lorica/peft-core'
import { Command } from 'commander'
import { runs } from '../screen/command.js'
import { count } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { expectNewFolder } from '../screen/place.js'
import { headOf, readClasses } from './classes-file.js'
import { withCode } from './errors.js'

interface MergeOptions {
  readonly model: string
  readonly adapter: string
  readonly out: string
}

/** `lorica merge`: an adapter written into a copy of its base. */
export function mergeCommand(): Command {
  const command = new Command('merge')
    .description(
      'write an adapter, and a new head that it brings along, into a copy of its base, which then needs no adapter',
    )
    .requiredOption('--model <path>', 'base model: a Hugging Face folder or an .onnx file')
    .requiredOption('--adapter <folder>', 'a PEFT adapter')
    .requiredOption('--out <folder>', 'where the merged model goes, in the form of the base (must not exist)')
  return runs(command, (options: MergeOptions, output) => withCode('LRC-7001', () => merge(options, output)))
}

async function merge({ model, adapter: folder, out }: MergeOptions, output: Output): Promise<void> {
  expectNewFolder(out)
  const adapter = await withCode('LRC-7003', () => readAdapterFor(model, folder))
  output.progress('copying the model …')
  const head = headOf(await withCode('LRC-7003', () => readClasses(folder)))
  const merged = await mergeAdapter({ model, adapter, head, out }, (done, total) =>
    output.progress(`merged ${done} of ${total} modules`),
  )
  const { task } = await describeModel(merged.model)
  const trial = task === 'causal' ? 'generate' : 'eval'
  const how = task === 'causal' ? '--prompt "Once upon a time"' : '--data FILE'
  output.result(merged, [
    `merged ${count(merged.modules.length)} modules: ${merged.model}`,
    '',
    `try it: lorica ${trial} --model ${merged.model} ${how}`,
  ])
}
