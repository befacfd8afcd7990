import { posix } from 'node:path'
import { type Import, importsOf } from './imports.js'
import type { SourceFile } from './workspace.js'

/** One source file with what it imports; a relative import that names a file here is resolved to its path. */
export interface SourceNode extends SourceFile {
  readonly imports: readonly (Import & { readonly target?: string })[]
}

/** The files by path, with their imports resolved. */
export type SourceGraph = ReadonlyMap<string, SourceNode>

/** Reads the imports of every file once. */
export function sourceGraph(files: readonly SourceFile[]): SourceGraph {
  const paths = new Set(files.map(({ path }) => path))
  return new Map(
    files.map((file) => [
      file.path,
      {
        ...file,
        imports: importsOf(file.text).map((found) => {
          const target = found.specifier.startsWith('.')
            ? resolveFile(file.path, found.specifier, paths)
            : undefined
          return target === undefined ? found : { ...found, target }
        }),
      },
    ]),
  )
}

/** Where a relative specifier leads: `./a.js` is the source file `a.ts` beside the one that names it. */
function resolveFile(from: string, specifier: string, paths: ReadonlySet<string>): string {
  const path = posix.normalize(posix.join(posix.dirname(from), specifier))
  const sources = [
    path,
    path.replace(/\.js$/, '.ts'),
    path.replace(/\.js$/, '.tsx'),
    path.replace(/\.mjs$/, '.mts'),
  ]
  return sources.find((candidate) => paths.has(candidate)) ?? path
}

/** Whether a path names a test or a part that only tests use. */
export function isTest(path: string): boolean {
  return /\.(?:test|fixture)\.\w+$/.test(path) || path.startsWith('test/')
}
