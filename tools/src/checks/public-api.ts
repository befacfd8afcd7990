/**
 * The names that each library exports, compared with the list that was agreed on.
 * @module
 */
import { codeOf } from './code.js'
import type { Problem } from './problem.js'
import type { Workspace } from './workspace.js'

/** For each library, its exported names in order; a name that is only a type begins with "type ". */
export type PublicApi = Readonly<Record<string, readonly string[]>>

/** Where the agreed list is kept, and the command that writes it. */
export const API_FILE = 'test/public-api.json'
export const API_COMMAND = 'npm run api'

const LIST = /\bexport\s+(type\s+)?\{([^}]*)\}/g
const HANDED_ON = /\bexport\s+\*\s+from\s+'\.\/([\w-]+)\/index\.js'/g
const UNLISTED = /\bexport\s+\*/g
const DECLARED = /\bexport\s+(?:declare\s+)?(?:async\s+)?(const|function|class|interface|type)\s+(\w+)/g

/** The names that an index file exports; `*` for names that it does not list. */
export function exportedNames(text: string): readonly string[] {
  const code = codeOf(text)
  const listed = [...code.matchAll(LIST)].flatMap(([, type, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => {
        const isType = type !== undefined || name.startsWith('type ')
        return `${isType ? 'type ' : ''}${name.replace(/^type\s+/, '').replace(/^.*\bas\s+/, '')}`
      }),
  )
  const declared = [...code.matchAll(DECLARED)].map(
    ([, kind, name]) => `${kind === 'interface' || kind === 'type' ? 'type ' : ''}${name}`,
  )
  const unlisted = code.match(UNLISTED)?.map(() => '*') ?? []
  return [...listed, ...declared, ...unlisted].sort((a, b) => (bare(a) < bare(b) ? -1 : 1))
}

/** The exports of every project under libs/; an index may hand on those of a folder's own index. */
export function publicApi({ projects, files }: Workspace): PublicApi {
  const textOf = (path: string): string => files.find((file) => file.path === path)?.text ?? ''
  const libraries = projects.filter(({ folder }) => folder.startsWith('libs/'))
  return Object.fromEntries(
    libraries.map(({ name, folder }) => {
      const index = textOf(`${folder}/src/index.ts`)
      const parts = [...index.matchAll(HANDED_ON)].map(([, part]) => `${folder}/src/${part}/index.ts`)
      const own = index.replace(HANDED_ON, '')
      return [name, exportedNames([own, ...parts.map(textOf)].join('\n'))]
    }),
  )
}

/** What came and what went since the list was agreed on. */
export function apiProblems(agreed: PublicApi, found: PublicApi): readonly Problem[] {
  const libraries = [...new Set([...Object.keys(agreed), ...Object.keys(found)])].sort()
  return libraries.flatMap((library) => {
    const before = agreed[library] ?? []
    const now = found[library] ?? []
    const gone = before.filter((name) => !now.includes(name)).map((name) => `no longer exports ${name}`)
    const come = now.filter((name) => !before.includes(name)).map((name) => `newly exports ${name}`)
    return [...gone, ...come].map((change) => ({
      file: API_FILE,
      message: `${library} ${change}. If that is meant, run ${API_COMMAND} and commit ${API_FILE}.`,
    }))
  })
}

const bare = (name: string): string => name.replace(/^type /, '')
