import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAdapter,
  encodeSafetensors,
  type RuntimeChoice,
  rawTensor,
  startEngine,
} from '@lorica/peft-core'

const WIDTH = 16
const WORDS = 64
const COLUMNS = 8
const PATIENCE_MS = 60_000
const spec = { method: 'lora', rank: 2, alpha: 4, targets: 'all-linear', rslora: false } as const

/** A real training step on a model of a few kilobytes, in a process of its own. Returns its loss and how long all of it took. */
export async function tinyStep(
  choice: RuntimeChoice,
  nowMs: () => number,
): Promise<{ readonly loss: number; readonly ms: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-doctor-'))
  const startedMs = nowMs()
  try {
    await writeTinyModel(folder)
    const { config, tensors } = await createAdapter(folder, spec, 7)
    await using engine = await startEngine({ ...choice, silenceMs: PATIENCE_MS })
    await engine.open({ model: folder, config, rows: 1, columns: COLUMNS, trainable: 'adapter' })
    const inputIds = Int32Array.from({ length: COLUMNS }, (_, index) => (index * 5 + 3) % WORDS)
    const attentionMask = new Int32Array(COLUMNS).fill(1)
    const { losses } = await engine.train({
      tensors,
      batches: [{ rows: 1, columns: COLUMNS, inputIds, attentionMask, labels: inputIds }],
      optimizer: { learningRate: 1e-3, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 1, firstStep: 0 },
      accumulate: 1,
    })
    return { loss: losses[0] ?? Number.NaN, ms: nowMs() - startedMs }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A Llama of one layer, as a Hugging Face folder. */
async function writeTinyModel(folder: string): Promise<void> {
  const layer = 'model.layers.0'
  const square = ['q', 'k', 'v', 'o'].map(
    (name) => [`${layer}.self_attn.${name}_proj`, [WIDTH, WIDTH]] as const,
  )
  const wide = ['gate', 'up', 'down'].map((name) => [`${layer}.mlp.${name}_proj`, [WIDTH, WIDTH]] as const)
  const norms = ['input_layernorm', 'post_attention_layernorm'].map(
    (name) => [`${layer}.${name}`, [WIDTH]] as const,
  )
  const shapes = [
    ['model.embed_tokens', [WORDS, WIDTH]],
    ['model.norm', [WIDTH]],
    ...square,
    ...wide,
    ...norms,
  ] as const
  const tensors = shapes.map(([name, shape]) => {
    const count = shape.reduce((product: number, side) => product * side, 1)
    const data = Float32Array.from({ length: count }, (_, index) => ((index * 37) % 23) / 40 - 0.25)
    return [`${name}.weight`, rawTensor({ shape, data })] as const
  })
  const config = {
    ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: WORDS },
    ...{ hidden_size: WIDTH, intermediate_size: WIDTH, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, num_key_value_heads: 2, max_position_embeddings: COLUMNS },
    ...{ rms_norm_eps: 1e-6, hidden_act: 'silu', tie_word_embeddings: true },
  }
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(new Map(tensors)))
}
