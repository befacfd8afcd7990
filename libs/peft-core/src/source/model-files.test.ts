import { createHash } from 'node:crypto'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { hashModel, modelFiles } from './model-files.js'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'model-'))
})
afterEach(() => rm(folder, { recursive: true }))

const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content)

async function writeModel(): Promise<void> {
  await write('config.json', '{"model_type":"gpt2"}')
  await write('model.safetensors', 'weights')
  await write('tokenizer.json', '{}')
  await write('README.md', 'about')
  await write('pytorch_model.bin', 'pickle')
}

/** One tensor's external data entry as protobuf writes it: field 13 with key "location" and the file's name. */
function onnxNaming(name: string): Buffer {
  const length =
    name.length < 128 ? Buffer.of(name.length) : Buffer.of((name.length & 127) | 128, name.length >> 7)
  return Buffer.concat([
    Buffer.from('\x08\x07junk\x0a\x08location\x12', 'latin1'),
    length,
    Buffer.from(name),
    Buffer.of(1, 2),
  ])
}

test('the hash covers configuration, weights and tokenizer, and nothing else', async () => {
  await writeModel()
  const { sha256, files } = await hashModel(folder)
  const of = (content: string) => createHash('sha256').update(content).digest('hex')
  expect(files).toEqual([
    { path: 'config.json', sha256: of('{"model_type":"gpt2"}'), sizeBytes: 21 },
    { path: 'model.safetensors', sha256: of('weights'), sizeBytes: 7 },
    { path: 'tokenizer.json', sha256: of('{}'), sizeBytes: 2 },
  ])
  // printf '{"model_type":"gpt2"}' > config.json; …; sha256sum config.json model.safetensors tokenizer.json | sha256sum
  expect(sha256).toBe('daa4825772c460256d7542e51b3ab431b2ecabe3ede3534641bc80bdf7cc1d97')
})

test('what a model does with pictures is a part of it', async () => {
  await writeModel()
  const { sha256 } = await hashModel(folder)
  await write('preprocessor_config.json', '{"image_mean":[0.4,0.5,0.6]}')
  expect((await modelFiles(folder)).names).toContain('preprocessor_config.json')
  expect((await hashModel(folder)).sha256).not.toBe(sha256)
})

test('the hash follows content, not the place or files beside it', async () => {
  await writeModel()
  const { sha256 } = await hashModel(folder)
  const copy = await mkdtemp(join(tmpdir(), 'copy-'))
  onTestFinished(() => rm(copy, { recursive: true }))
  await cp(folder, copy, { recursive: true })
  await rm(join(copy, 'README.md'))
  expect((await hashModel(copy)).sha256).toBe(sha256)
  await writeFile(join(copy, 'model.safetensors'), 'weighty')
  expect((await hashModel(copy)).sha256).not.toBe(sha256)
})

test('an .onnx file brings the data files it names and the tokenizer beside it', async () => {
  const long = `${'w'.repeat(150)}.data`
  await write(
    'model.onnx',
    Buffer.concat([onnxNaming('model.onnx_data'), onnxNaming(long), onnxNaming(long)]),
  )
  for (const name of ['model.onnx_data', long, 'other.onnx', 'other.data', 'tokenizer.json', 'notes.txt'])
    await write(name, name)
  const { names } = await modelFiles(join(folder, 'model.onnx'))
  expect(names).toEqual(['model.onnx', 'model.onnx_data', 'tokenizer.json', long])
})

test('a data file that is missing or outside the folder is refused by name', async () => {
  await write('model.onnx', onnxNaming('absent.data'))
  await expect(hashModel(join(folder, 'model.onnx'))).rejects.toThrow(
    'expected its data file "absent.data" beside it',
  )
  await write('model.onnx', onnxNaming('../outside.data'))
  await expect(hashModel(join(folder, 'model.onnx'))).rejects.toThrow(
    '"../outside.data" is outside the model\'s folder',
  )
})

test('a path that holds no model is refused with what was expected', async () => {
  await expect(hashModel(join(folder, 'absent'))).rejects.toThrow(
    'expected a Hugging Face folder or an .onnx file',
  )
  await expect(hashModel(folder)).rejects.toThrow('expected a config.json')
  await write('config.json', '{}')
  await write('pytorch_model.bin', 'pickle')
  await expect(hashModel(folder)).rejects.toThrow('pickles (.bin, .pt) are never opened')
  await expect(hashModel(join(folder, 'pytorch_model.bin'))).rejects.toThrow(
    'expected a folder or an .onnx file',
  )
})
