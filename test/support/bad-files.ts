import { rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createAdapter, encodeSafetensors, type RawTensor, writeAdapter } from '@lorica/peft-core'
import { siteText } from './fleet.js'
import { toyConfig, writeToyModel } from './toy-model.js'

/** The start of what torch.save writes: a zip archive with a pickle in it. */
const pickle = Buffer.from('PK\u0003\u0004archive/data.pkl\u0080\u0002ctorch._utils\n_rebuild_tensor_v2\n')

/** Writes good and bad models, texts, adapters, batches and run files under names that say what they are. */
export async function writeBadFiles(folder: string): Promise<void> {
  const at = (...names: readonly string[]): string => join(folder, ...names)
  const models = ['toy', 'no-config', 'bad-config', 'truncated', 'pickle', 'disguised', 'mamba', 'mute']
  await Promise.all(models.map((name) => writeToyModel(at(name))))
  await rm(at('no-config', 'config.json'))
  await writeFile(at('bad-config', 'config.json'), '{"model_type": "llama",')
  await truncate(at('truncated', 'model.safetensors'), 9000)
  await rename(at('pickle', 'model.safetensors'), at('pickle', 'pytorch_model.bin'))
  await writeFile(at('pickle', 'pytorch_model.bin'), pickle)
  await writeFile(at('disguised', 'model.safetensors'), pickle)
  await writeFile(at('mamba', 'config.json'), JSON.stringify({ ...toyConfig, model_type: 'mamba' }))
  await rm(at('mute', 'tokenizer.json'))

  await writeFile(at('text.txt'), siteText(1))
  await writeFile(at('empty.txt'), '')
  await writeFile(
    at('binary.txt'),
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 7, 10, 200, 201]),
  )
  await writeFile(at('lines.jsonl'), '{"text": "one"}\n{"txet": "two"}\n')

  const spec = { method: 'lora', rank: 4, alpha: 8, targets: 'all-linear', rslora: false } as const
  const adapter = await createAdapter(at('toy'), spec, 3)
  await writeAdapter(at('adapter'), adapter)
  await writeAdapter(at('cut'), adapter)
  await truncate(at('cut', 'adapter_model.safetensors'), 5000)
  const narrow = [...adapter.tensors].map(([name, tensor]) => {
    const [rank = 0, inputs = 0] = tensor.shape
    if (!name.includes('q_proj.lora_A')) return [name, tensor] as const
    const shape = [rank, inputs - 1]
    return [name, { shape, data: tensor.data.subarray(0, rank * (inputs - 1)) }] as const
  })
  await writeAdapter(at('narrow'), { ...adapter, tensors: new Map(narrow) })

  const infinite = [...adapter.tensors].map(([name, { shape, data }]) => {
    const large = data.map((value) => (name.includes('lora_B') ? 3e38 : value))
    return [name, { shape, data: large }] as const
  })
  await writeAdapter(at('infinite'), { ...adapter, tensors: new Map(infinite) })

  const ids: RawTensor = {
    element: 'int64',
    shape: [1, 4],
    bytes: new Uint8Array(BigInt64Array.of(5n, 6n, 7n, 8n).buffer),
  }
  await writeFile(at('unlabelled.safetensors'), encodeSafetensors(new Map([['input_ids', ids]])))
  const labelled = new Map([
    ['input_ids', ids],
    ['labels', ids],
  ])
  await writeFile(at('labelled.safetensors'), encodeSafetensors(labelled))

  const runs = {
    unknown: runText({ local: 'steps: 2, batch: 2, learningRate: 0.01, stepps: 3' }),
    type: runText({ local: 'steps: many, batch: 2, learningRate: 0.01' }),
    dora: runText({ peft: 'method: dora' }),
    broken: 'name: toy\n  base: { model: [\n',
    nowhere: runText({ model: './nowhere' }),
    pickle: runText({ model: './pickle' }),
  }
  await Promise.all(Object.entries(runs).map(([name, text]) => writeFile(at(`${name}.yaml`), text)))
}

function runText({
  model = './toy',
  peft = 'rank: 2',
  local = 'steps: 2, batch: 2, learningRate: 0.01',
}): string {
  return `name: bad
base: { model: ${model} }
peft: { ${peft} }
data: { maxTokens: 16 }
local: { ${local} }
rounds: { count: 1 }
`
}
