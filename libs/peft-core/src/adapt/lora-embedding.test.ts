import { expect, test } from 'vitest'
import { createLoraConfig } from '../adapter/lora-config.js'
import { createBuilder } from '../graph/builder.js'
import { type Graph, int } from '../graph/graph.js'
import { renameValue } from '../graph/rename-value.js'
import { reference } from '../runtime/reference.js'
import type { Feed } from '../runtime/runtime.js'
import { linearModules } from '../source/modules.js'
import { adapt } from './adapt.js'

const spec = { method: 'lora', rank: 1, alpha: 2, targets: ['embed_tokens'], rslora: false } as const
const module = 'model.embed_tokens'
const key = `base_model.model.${module}.lora_embedding`

/** Three times the rows (1, 2), (3, 4) and (5, 6) of a table that is kept as it says. */
function model(element: 'bfloat16' | 'float32'): Graph {
  const builder = createBuilder()
  const ids = builder.input('input_ids', 'int64', [1, 2])
  const half = Uint16Array.of(0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0)
  const bytes = new Uint8Array((element === 'float32' ? Float32Array.of(1, 2, 3, 4, 5, 6) : half).buffer)
  const data = { kind: 'bytes', bytes } as const
  const table = builder.weight({ name: `${module}.weight`, element, shape: [3, 2], data })
  const found = builder.op('Gather', [table, ids], { module })
  const rows = element === 'float32' ? found : builder.op('Cast', [found], { attributes: { to: int(1) } })
  const logits = builder.op('Mul', [rows, builder.constant(3)], { module })
  builder.output(logits)
  return renameValue(builder.build(), logits.name, 'logits')
}

// 3 (E[id] + 2 B A[:, id]) with A = (0.5, 1, -1) and B = (1, 10): ids 2 and 0 give 3 (5 - 2, 6 - 20) and 3 (1 + 1, 2 + 10).
test.each(['float32', 'bfloat16'] as const)(
  'rows of a %s table get the change in float32',
  async (element) => {
    const graph = model(element)
    const adapted = adapt(
      { outputLayer: undefined },
      { graph, modules: linearModules(graph) },
      createLoraConfig(spec),
    )
    const session = await reference.open(adapted)
    const feeds = new Map<string, Feed>([
      ['input_ids', Int32Array.of(2, 0)],
      [`${key}_A`, Float32Array.of(0.5, 1, -1)],
      [`${key}_B`, Float32Array.of(1, 10)],
    ])
    const { data } = (await session.run(feeds)).get('logits') ?? {}
    expect([...(data ?? [])]).toEqual([9, -42, 6, 36])
  },
)
