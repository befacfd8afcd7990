import {
  batchSize,
  describeModel,
  expectKnownIds,
  readAdapterFor,
  readBatch,
  writeTensors,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { expectFilePlace } from '../screen/place.js'
import { type EngineChoice, openEngine, withEngineOptions } from './engine-choice.js'
import { withCode } from './errors.js'

interface GradOptions extends EngineChoice {
  readonly model: string
  readonly adapter: string
  readonly batch: string
  readonly out: string
}

/** `lorica grad`: one batch's loss and adapter gradients, to hold against another framework. */
export function gradCommand(): Command {
  const command = new Command('grad')
    .description('loss and adapter gradients of one batch, to check against another framework')
    .requiredOption('--model <path>', 'base model: a Hugging Face folder or an .onnx file')
    .requiredOption('--adapter <folder>', 'a PEFT adapter')
    .requiredOption(
      '--batch <file>',
      'batch.safetensors with labels and input_ids (and attention_mask if there is padding), or pixel_values',
    )
    .requiredOption('--out <file>', 'where the gradients go, under the adapter’s own keys')
  return runs(withEngineOptions(command), (options: GradOptions, output) =>
    withCode('LRC-7004', () => gradients(options, output)),
  )
}

async function gradients(options: GradOptions, output: Output): Promise<void> {
  expectFilePlace(options.out)
  const adapter = await withCode('LRC-7003', () => readAdapterFor(options.model, options.adapter))
  const batch = await withCode('LRC-6001', () => readBatch(options.batch))
  const described = await withCode('LRC-7001', () => describeModel(options.model))
  await withCode('LRC-6001', () => expectKnownIds(batch, described))
  await using engine = await openEngine(options)
  await withCode('LRC-7002', () =>
    engine.open({ model: options.model, config: adapter.config, ...batchSize(batch), trainable: 'adapter' }),
  )
  const { loss, gradients } = await engine.gradients(adapter.tensors, batch)
  if (!Number.isFinite(loss)) throw notFinite(loss)
  await writeTensors(options.out, gradients)
  output.result({ loss, gradients: options.out, tensors: gradients.size, engine: engine.facts }, [
    `loss ${loss}`,
    `${gradients.size} gradients: ${options.out}`,
  ])
}

function notFinite(loss: number): LoricaError {
  return new LoricaError('LRC-6011', `the loss of the batch is ${loss}`, {
    expected: 'a number',
    received: String(loss),
    action: 'Look for values that are not finite in the base, the adapter and the batch.',
  })
}
