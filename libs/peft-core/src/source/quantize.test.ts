import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { createAdapter } from '../adapt/start.js'
import { readAdapter } from '../adapter/adapter.js'
import { readSafetensors } from '../adapter/safetensors.js'
import { encodeSafetensors } from '../adapter/safetensors-write.js'
import { rawTensor, type Tensor } from '../adapter/tensor.js'
import { floatTensor } from '../adapter/values.js'
import { encodeOnnx } from '../graph/onnx-encode.js'
import { ort } from '../runtime/ort.js'
import { createService } from '../runtime/service.js'
import { readBatch } from '../train/batch-file.js'
import { buildTrainingGraph } from '../train/graph.js'
import { openModel } from './model.js'
import { quantizeModel } from './quantize.js'

const folder = mkdtempSync(join(tmpdir(), 'quantize-'))
afterAll(() => rmSync(folder, { recursive: true }))
const golden = (name: string): string => fileURLToPath(new URL(`../../golden/${name}`, import.meta.url))

/** Numbers from 4-bit blocks of 16, taken apart by hand. */
function unpacked(packed: Uint8Array, scales: Float32Array, zeros: Uint8Array, blocks: number): Float32Array {
  const half = (bytes: Uint8Array, at: number): number => ((bytes[at >> 1] as number) >> (4 * (at % 2))) & 15
  return Float32Array.from({ length: packed.length * 2 }, (_, at) => {
    const block = Math.floor(at / 16)
    const [row, place] = [Math.floor(block / blocks), block % blocks]
    const zero = half(zeros, row * Math.ceil(blocks / 2) * 2 + place)
    return (half(packed, at) - zero) * (scales[block] as number)
  })
}

/** A copy of a model whose weights are the numbers that the blocks of a quantised one stand for. */
async function writeRounded(model: string, quantised: string, out: string, isConv1d: boolean): Promise<void> {
  cpSync(model, out, { recursive: true })
  const [before, blocks] = [
    await readSafetensors(join(model, 'model.safetensors')),
    await readSafetensors(join(quantised, 'model.safetensors')),
  ]
  const rounded = [...before].map(([name, raw]) => {
    const [packed, scales, zeros] = ['q4', 'q4_scales', 'q4_zero_points'].map((part) =>
      blocks.get(`${name}.${part}`),
    )
    if (packed === undefined || scales === undefined || zeros === undefined) return [name, raw] as const
    const [outputs, count] = packed.shape as [number, number]
    const data = unpacked(packed.bytes, floatTensor(scales).data, zeros.bytes, count)
    const inputs = count * 16
    const turned = data.map((_, at) => data[(at % outputs) * inputs + Math.floor(at / outputs)] as number)
    return [name, rawTensor({ shape: raw.shape, data: isConv1d ? turned : data } satisfies Tensor)] as const
  })
  await writeFile(join(out, 'model.safetensors'), encodeSafetensors(new Map(rounded)))
}

async function gradientsOf(model: string, name: string) {
  const { config, tensors } = await readAdapter(join(golden(name), 'adapter'))
  const batch = await readBatch(join(golden(name), 'batch.safetensors'))
  const service = createService(buildTrainingGraph, ort, { threads: 1 })
  await service.open({ model, config, rows: batch.rows, columns: batch.columns, trainable: 'adapter' })
  return await service.gradients(tensors, batch)
}

type Step = Awaited<ReturnType<typeof gradientsOf>>

function expectSameStep(got: Step, expected: Step): void {
  expect(Math.abs(got.loss - expected.loss)).toBeLessThan(1e-5)
  expect([...got.gradients.keys()].toSorted()).toEqual([...expected.gradients.keys()].toSorted())
  for (const [key, { data }] of expected.gradients) {
    const other = got.gradients.get(key)?.data ?? []
    const norm = Math.hypot(...data)
    expect(Math.hypot(...data.map((value, at) => value - (other[at] as number)))).toBeLessThan(1e-4 * norm)
  }
}

describe.each(['gpt2', 'llama'])('a quantised %s', (name) => {
  const model = join(golden(name), 'model')

  it('trains as a model of the rounded numbers does', async () => {
    const [out, rounded] = [join(folder, `${name}-q4`), join(folder, `${name}-rounded`)]
    const made = await quantizeModel({ model, out, bits: 4, blockSize: 16, symmetric: false })
    expect(made.kept).toEqual(['lm_head'])
    expect(made.modules.length).toBeGreaterThan(7)
    await writeRounded(model, out, rounded, name === 'gpt2')
    const [got, expected, plain] = [
      await gradientsOf(out, name),
      await gradientsOf(rounded, name),
      await gradientsOf(model, name),
    ]
    expectSameStep(got, expected)
    expect(Math.abs(plain.loss - expected.loss)).toBeGreaterThan(1e-4)
  })

  it('trains from an ONNX file of its blocks, with names as onnxruntime-genai gives them', async () => {
    const [out, rounded] = [join(folder, `${name}-file`), join(folder, `${name}-file-rounded`)]
    await quantizeModel({ model, out, bits: 4, blockSize: 16, symmetric: false })
    await writeRounded(model, out, rounded, name === 'gpt2')
    const { rows, columns } = await readBatch(join(golden(name), 'batch.safetensors'))
    const { graph } = (await openModel(out)).forward({ rows, columns, trainable: false })
    const nodes = graph.nodes.map((node) => {
      const scope = node.module?.replaceAll('.', '/').replace(/\/(\d+)\//, '.$1/')
      return node.op === 'MatMulNBits' ? { ...node, name: `/${scope}/MatMul_Q4` } : node
    })
    const file = join(out, 'model.onnx')
    await writeFile(file, encodeOnnx({ ...graph, nodes }, { folder: out }).bytes)
    const [got, expected] = [await gradientsOf(file, name), await gradientsOf(rounded, name)]
    expectSameStep(got, expected)
  })

  it('has the modules of the model, and is not quantised again', async () => {
    const out = join(folder, `${name}-q8`)
    await quantizeModel({ model, out, bits: 8, blockSize: 16, symmetric: true })
    const pathsOf = async (path: string): Promise<readonly (readonly [string, number, number])[]> =>
      (await openModel(path))
        .forward({ rows: 1, columns: 2, trainable: false })
        .modules.map(({ path, inFeatures, outFeatures }) => [path, inFeatures, outFeatures] as const)
    expect(await pathsOf(out)).toEqual(await pathsOf(model))
    expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({
      quantization_config: { bits: 8, block_size: 16, symmetric: true },
    })
    const again = quantizeModel({
      model: out,
      out: join(folder, 'twice'),
      bits: 4,
      blockSize: 16,
      symmetric: true,
    })
    await expect(again).rejects.toThrow('is quantised already')
    expect(readdirSync(folder)).not.toContain('twice')
  })
})

it('a block size that the product does not take is refused', async () => {
  const model = join(golden('llama'), 'model')
  const job = { model, out: join(folder, 'none'), bits: 4, blockSize: 24, symmetric: false } as const
  await expect(quantizeModel(job)).rejects.toThrow('a power of two and at least 16, got 24')
})

it('blocks that fill no layer are refused, with the greatest that would', async () => {
  const model = join(golden('llama'), 'model')
  const job = { model, out: join(folder, 'wide'), bits: 4, blockSize: 64, symmetric: false } as const
  await expect(quantizeModel(job)).rejects.toThrow('rows of whole blocks of 64; take blocks of 16 or fewer')
  expect(readdirSync(folder)).not.toContain('wide')
})

it('methods that read a whole matrix are refused over blocks, in words', async () => {
  const out = join(folder, 'blocks')
  await quantizeModel({
    model: join(golden('llama-dora'), 'model'),
    out,
    bits: 4,
    blockSize: 16,
    symmetric: false,
  })
  await expect(gradientsOf(out, 'llama-dora')).rejects.toThrow(
    'q_proj is stored in blocks of integers; DoRA expected a matrix of floating-point numbers',
  )
  const spec = { method: 'lora', rank: 2, alpha: 4, targets: ['q_proj'], rslora: false } as const
  await expect(createAdapter(out, { ...spec, start: 'pissa' }, 1)).rejects.toThrow(
    'q_proj" is stored in blocks of integers',
  )
})

describe('a module that is to be trained whole', () => {
  const wanted = (modulesToSave: readonly string[]) =>
    ({ method: 'lora', rank: 2, alpha: 4, targets: ['q_proj'], rslora: false, modulesToSave }) as const

  it('is refused by name where the base has only blocks of integers, and taken where it has numbers', async () => {
    const base = join(folder, 'saved')
    await quantizeModel({ model: golden('llama/model'), out: base, bits: 4, blockSize: 16, symmetric: false })
    await expect(createAdapter(base, wanted(['lm_head', 'o_proj']), 1)).rejects.toThrow(
      'modules_to_save lm_head, o_proj: the base stores "model.layers.0.self_attn.o_proj" in blocks of integers',
    )
    const { tensors } = await createAdapter(base, wanted(['lm_head']), 1)
    expect(tensors.get('base_model.model.lm_head.weight')?.shape).toEqual([320, 48])
  })
})
