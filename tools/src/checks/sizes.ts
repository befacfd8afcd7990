/**
 * What keeps files small and alike: lines, names, depth, and the few constructs that this code does without.
 * @module
 */
import { codeOf, lineAt } from './code.js'
import type { Problem } from './problem.js'
import type { SourceFile } from './workspace.js'

const MOST_LINES = 300
const MOST_TEST_LINES = 400 // tables of cases
const MOST_FOLDERS = 2 // src/<stage>/<file>, and rules/ under a stage

const VAGUE = /(?:^|\/)(?:utils?|helpers?|manager|handler|common|shared|base|types|misc)(?:\.|\/)/

const constructs: readonly { readonly pattern: RegExp; readonly message: string }[] = [
  { pattern: /\bexport\s+default\b/g, message: 'default export: export it by its name' },
  {
    pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s/gm,
    message: 'enum: use a union of string literals',
  },
  {
    pattern: /(?:[:<,|&]|\bas)\s*any\b(?!\s*[(:])/g,
    message: '"any": name the type, or take unknown and check it',
  },
  { pattern: /\bexport\s*\*/g, message: 'export *: list the names, so that what is public is a decision' },
]

/** The index of a folder, which lists the names itself. */
const LISTED_ELSEWHERE = /^export \* from '\.\/[\w-]+\/index\.js'/

/** Files that are too long, vaguely named, too deep, or use a construct that this code does without. */
export function sizeProblems(files: readonly SourceFile[]): readonly Problem[] {
  return files.flatMap((file) => [...pathProblems(file), ...constructProblems(file)])
}

function pathProblems({ path, text }: SourceFile): readonly Problem[] {
  const problems: Problem[] = []
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
  const most = /\.test\.\w+$/.test(path) ? MOST_TEST_LINES : MOST_LINES
  if (lines > most)
    problems.push({
      file: path,
      message: `${lines} lines, at most ${most}: split it by what it is about`,
    })
  if (VAGUE.test(path))
    problems.push({ file: path, message: 'a name that says nothing: name the file for the noun it holds' })
  const source = path.split('/src/')[1]
  const folders = (source?.split('/').length ?? 1) - 1
  if (folders > MOST_FOLDERS || (folders === MOST_FOLDERS && !source?.includes('/rules/'))) {
    problems.push({ file: path, message: 'too deep: nothing lies deeper than src/<stage>/<file>' })
  }
  return problems
}

function constructProblems({ path, text }: SourceFile): readonly Problem[] {
  if (/\.config\.\w+$/.test(path) || !/\.(?:ts|tsx|mts)$/.test(path)) return []
  const code = codeOf(text)
  return constructs.flatMap(({ pattern, message }) =>
    [...code.matchAll(pattern)]
      .filter(({ index }) => !LISTED_ELSEWHERE.test(text.slice(index)))
      .map((match) => ({
        file: path,
        line: lineAt(code, match.index + match[0].search(/\S/)),
        message,
      })),
  )
}
