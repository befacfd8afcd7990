/**
 * The files that hold a graph's weights, as onnxruntime accepts them: relative to one folder, not outside of it, and
 * with no link on the way that leads out of it.
 * @module
 */
import { realpathSync } from 'node:fs'
import path from 'node:path'
import type { Graph } from './graph.js'

export interface ExternalFiles {
  /** Undefined when the graph has no weights in files. */
  readonly folder: string | undefined
  /** The location of a weight's file, relative to the folder, with forward slashes. */
  readonly locationOf: (file: string) => string
}

/** Finds the folder of a graph's weight files, or checks that the stated one holds them all. */
export function externalFiles(graph: Graph, stated?: string): ExternalFiles {
  const resolved = new Map<string, string>()
  for (const { data } of graph.weights.values()) {
    if (data.kind === 'file' && !resolved.has(data.path)) resolved.set(data.path, realpathSync(data.path))
  }
  const files = [...resolved.values()]
  const folder = stated === undefined ? commonFolder(files) : realpathSync(stated)
  return {
    folder,
    locationOf: (file) => {
      const relative = path.relative(folder ?? '.', resolved.get(file) ?? file)
      if (isOutside(relative)) {
        throw new RangeError(`expected the weights in "${file}" to be below the folder "${folder}"`)
      }
      return relative.split(path.sep).join('/')
    },
  }
}

function commonFolder(files: readonly string[]): string | undefined {
  const [first, ...rest] = files.map((file) => path.dirname(file))
  return rest.reduce<string | undefined>((common, folder) => {
    let shared = common as string
    while (isOutside(path.relative(shared, folder)) && path.dirname(shared) !== shared)
      shared = path.dirname(shared)
    return shared
  }, first)
}

/** Whether a relative path leads out of the folder it starts from; absolute means another drive. */
export function isOutside(relative: string): boolean {
  return relative.split(path.sep)[0] === '..' || path.isAbsolute(relative)
}
