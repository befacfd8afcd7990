/**
 * The ONNX node conformance cases: for each operator a model of one node, inputs, and the outputs that ONNX's own
 * implementation gives. https://github.com/onnx/onnx/tree/main/onnx/backend/test
 * @module
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { constantFromWeight } from '../graph/constant.js'
import type { Graph, Weight } from '../graph/graph.js'
import { decodeOnnx } from '../graph/onnx-decode.js'
import { OnnxError } from '../graph/onnx-error.js'
import type { OnnxModel } from '../graph/onnx-model.js'
import { readTensor } from '../graph/onnx-tensor.js'
import { specialise } from '../graph/specialise.js'
import type { Constant } from '../operators/operator.js'
import type { Feed } from './runtime.js'

export interface NodeCase {
  readonly name: string
  readonly graph: Graph
  readonly feeds: ReadonlyMap<string, Feed>
  /** The expected outputs, in the order of the graph's. */
  readonly expected: readonly Constant[]
}

/** The files of a tar archive by path. Only names of up to 100 characters with their prefix, as ustar has them. */
function readTar(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  const text = (start: number, length: number): string =>
    bytes.toString('utf8', start, start + length).replace(/\0.*$/s, '')
  let longName = ''
  for (let at = 0; at + 512 <= bytes.length; ) {
    const size = Number.parseInt(text(at + 124, 12), 8) || 0
    const kind = text(at + 156, 1)
    const prefix = text(at + 345, 155)
    const name = longName || (prefix === '' ? '' : `${prefix}/`) + text(at, 100)
    const content = bytes.subarray(at + 512, at + 512 + size)
    longName = kind === 'L' ? content.toString('utf8').replace(/\0.*$/s, '') : ''
    if (kind === '0' || kind === '') files.set(name, content)
    at += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

/** Calls `visit` with each case of the archive. */
export function eachNodeCase(archive: string, visit: (name: string, load: () => NodeCase) => void): void {
  const files = readTar(gunzipSync(readFileSync(archive)))
  for (const [path, bytes] of files) {
    const name = /([^/]+)\/model\.onnx$/.exec(path)?.[1]
    if (name === undefined) continue
    const folder = path.replace(/model\.onnx$/, 'test_data_set_0/')
    const tensor = (file: string): Weight | undefined => {
      const found = files.get(folder + file)
      return found && readTensor(found, file, '/')
    }
    visit(name, () => loadCase(name, decodeOnnx(bytes, '/'), tensor))
  }
}

function loadCase(name: string, model: OnnxModel, tensor: (file: string) => Weight | undefined): NodeCase {
  const other = [...model.inputs, ...model.outputs].find(({ kind }) => kind !== 'tensor')
  if (other !== undefined) throw new OnnxError('unsupported', `a ${other.kind} as "${other.name}"`)
  const given = model.inputs.map((_, index) => tensor(`input_${index}.pb`))
  const graph = graphOf(model, given)
  const known = new Map(model.inputs.map((input, index) => [input.name, given[index]]))
  const feeds = graph.inputs.map(
    (input) => [input.name, constantFromWeight(known.get(input.name) as Weight).data] as const,
  )
  const expected = model.outputs.map((_, index) => constantFromWeight(tensor(`output_${index}.pb`) as Weight))
  return { name, graph, feeds: new Map(feeds), expected }
}

/** The case's graph. Inputs that an operator needs before the graph runs, such as axes, are made constants. */
function graphOf(model: OnnxModel, given: readonly (Weight | undefined)[]): Graph {
  const isParameter = (index: number): boolean => index > 0 && !given[index]?.element.startsWith('float')
  const ways = [() => false, isParameter, (index: number) => isParameter(index) || index === 0, () => true]
  let failure: unknown
  for (const isConstant of ways) {
    try {
      return withConstants(model, given, isConstant)
    } catch (error) {
      failure = error
      if (!/must be known before/.test(String(error))) throw error
    }
  }
  throw failure
}

function withConstants(
  model: OnnxModel,
  given: readonly (Weight | undefined)[],
  isConstant: (index: number) => boolean,
): Graph {
  const inputs = model.inputs.filter((_, index) => !isConstant(index))
  const constants = model.inputs.flatMap((input, index) => {
    const weight = given[index]
    return isConstant(index) && weight !== undefined
      ? [[input.name, { ...weight, name: input.name }] as const]
      : []
  })
  const initializers = new Map([...model.initializers, ...constants])
  const shapes = new Map(model.inputs.map(({ name }, index) => [name, given[index]?.shape ?? []]))
  const outputs = model.outputs.map(({ name }) => name)
  return specialise({ ...model, inputs, initializers }, { shapes, outputs })
}
