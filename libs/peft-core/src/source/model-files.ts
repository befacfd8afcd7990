/**
 * The files of a base model, and the hash that says whether two machines have the same one.
 * @module
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'

export interface ModelFile {
  /** Relative to the model's folder, with forward slashes. */
  readonly path: string
  readonly sha256: string
  readonly sizeBytes: number
}

/** The content of a base model: equal hashes mean equal weights, configuration and tokenizer. */
export interface ModelHash {
  readonly sha256: string
  readonly files: readonly ModelFile[]
}

/** What decides how a Hugging Face folder computes, tokenises and reads pictures; readme, licence and training logs do not. */
const modelFile =
  /^(config\.json|generation_config\.json|preprocessor_config\.json|tokenizer[^/]*\.json|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt|chat_template\.\w+|.*\.safetensors(\.index\.json)?)$/

/**
 * Hashes a Hugging Face folder or an .onnx file (with the data files beside it and the tokenizer of its folder). The hash
 * of the whole is SHA-256 over one line `<sha256 of the file>  <path>` for each file, sorted by path, as sha256sum prints.
 * RangeError when the path holds no model.
 */
export async function hashModel(path: string): Promise<ModelHash> {
  const { folder, names } = await modelFiles(path)
  const files: ModelFile[] = []
  for (const name of names) files.push({ path: name, ...(await hashFile(join(folder, name))) })
  const whole = createHash('sha256')
  for (const file of files) whole.update(`${file.sha256}  ${file.path}\n`)
  return { sha256: whole.digest('hex'), files }
}

/**
 * The files of a model, relative to its folder and sorted. RangeError says what was expected when the path is neither a
 * folder with config.json and safetensors weights nor an .onnx file, or when a data file of the .onnx file is missing.
 */
export async function modelFiles(
  path: string,
): Promise<{ readonly folder: string; readonly names: readonly string[] }> {
  const found = await stat(path).catch((cause: Error) => {
    throw new RangeError(
      `model "${path}": expected a Hugging Face folder or an .onnx file; ${cause.message}`,
      { cause },
    )
  })
  if (!found.isDirectory()) return onnxFiles(path)
  const names = (await readdir(path)).filter((name) => modelFile.test(name)).sort()
  if (!names.includes('config.json')) throw new RangeError(`model "${path}": expected a config.json`)
  if (!names.some((name) => name.endsWith('.safetensors'))) {
    throw new RangeError(
      `model "${path}": expected weights in a .safetensors file; pickles (.bin, .pt) are never opened`,
    )
  }
  return { folder: path, names }
}

async function onnxFiles(
  path: string,
): Promise<{ readonly folder: string; readonly names: readonly string[] }> {
  if (!path.endsWith('.onnx')) throw new RangeError(`model "${path}": expected a folder or an .onnx file`)
  const folder = dirname(path)
  const names = new Set([basename(path), ...externalNames(await readFile(path))])
  for (const name of names) {
    if (isAbsolute(name) || normalize(name).startsWith('..')) {
      throw new RangeError(`model "${path}": its data file "${name}" is outside the model's folder`)
    }
    await stat(join(folder, name)).catch((cause: Error) => {
      throw new RangeError(`model "${path}": expected its data file "${name}" beside it`, { cause })
    })
  }
  const beside = (await readdir(folder)).filter(
    (name) => modelFile.test(name) && !name.includes('.safetensors'),
  )
  return { folder, names: [...new Set([...names, ...beside])].sort() }
}

/** The external data files of a graph: each tensor names its file under the key "location", in protobuf's encoding. */
function externalNames(graph: Buffer): ReadonlySet<string> {
  const key = Buffer.from('\n\x08location\x12', 'latin1')
  const names = new Set<string>()
  for (let at = graph.indexOf(key); at >= 0; at = graph.indexOf(key, at + 1)) {
    const low = graph[at + key.length] ?? 0
    const start = at + key.length + (low < 128 ? 1 : 2) // a length up to 16383 takes two bytes
    const length = low < 128 ? low : (low & 127) + 128 * (graph[start - 1] ?? 0)
    names.add(graph.toString('utf8', start, start + length))
  }
  return names
}

async function hashFile(path: string): Promise<Omit<ModelFile, 'path'>> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Uint8Array>) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}
