import { inspectModel } from '@lorica/peft-core'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count, table } from '../screen/format.js'
import { withCode } from './errors.js'

/** `lorica inspect`: what a model is, which modules can be adapted, and whether it can be trained. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('modules that can be adapted, operators, whether the model can be trained, and why not')
    .argument('<model>', 'a Hugging Face folder or an .onnx file')
  return runs(command, (_: unknown, output, [model]) =>
    withCode('LRC-7001', async () => {
      const report = await inspectModel(needed(model, '<model>'))
      const modules = report.modules.map(({ path, inFeatures, outFeatures }) => [
        path,
        count(inFeatures),
        count(outFeatures),
      ])
      output.result(report, [
        `${report.family}, ${count(report.parameters)} parameters, task ${report.task}`,
        report.trainable ? 'can be trained' : `cannot be trained: ${report.reason}`,
        '',
        ...table([['module', 'inputs', 'outputs'], ...modules]),
        '',
        `operators: ${Object.entries(report.operators)
          .map(([op, times]) => `${op} ${times}`)
          .join(', ')}`,
      ])
      if (!report.trainable) process.exitCode = 1
    }),
  )
}
