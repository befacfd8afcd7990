/**
 * What each project may import, by the tags in its package.json. A rule that is broken is a problem, never a warning.
 * @module
 */
import { builtinModules } from 'node:module'
import { importCycles } from './cycles.js'
import { privateDataProblems } from './private-data.js'
import type { Problem } from './problem.js'
import { isTest, type SourceGraph, sourceGraph } from './source-graph.js'
import { stageProblems } from './stages.js'
import type { Project, Workspace } from './workspace.js'

interface TagRule {
  readonly imports?: readonly string[] // tags of the projects it may import; absent: this tag says nothing about it
  readonly starts?: readonly string[] // tags of the projects it may list in package.json to start them, without importing them
  readonly bans?: readonly string[] // packages it may not import; a * at the end stands for anything. A test may play the other side.
}

const LEARNING_BANS = ['socket.io*', 'msgpackr', 'fastify']

const LIBRARIES = ['layer:wire', 'layer:core', 'layer:privacy', 'layer:evidence', 'layer:serving'] as const

const rules: Readonly<Record<string, TagRule>> = {
  'layer:wire': { imports: [] },
  'layer:core': { imports: [], bans: LEARNING_BANS },
  'layer:privacy': { imports: [], bans: LEARNING_BANS },
  'layer:evidence': { imports: [], bans: LEARNING_BANS },
  'layer:serving': { imports: ['layer:core'], bans: LEARNING_BANS },
  'layer:app': { imports: LIBRARIES },
  'layer:cli': { imports: LIBRARIES, starts: ['layer:app'] },
  'layer:tool': { imports: [...LIBRARIES, 'layer:app'], starts: ['layer:cli'] },
  'layer:test': {
    imports: [...LIBRARIES, 'layer:app', 'layer:tool'],
    starts: ['layer:cli'],
  },
  'side:coordinator': { bans: ['socket.io-client', 'onnxruntime-node', '@tensorflow/*'] },
  'side:agent': { bans: ['socket.io', 'fastify'] },
  'side:console': {
    bans: ['socket.io', 'fastify', 'onnxruntime*', '@tensorflow/*', '@lorica/peft-core', '@lorica/serving'],
  },
}

const builtins = new Set(builtinModules)

/** Every import that crosses a line it may not cross. */
export function boundaryProblems(workspace: Workspace): readonly Problem[] {
  const graph = sourceGraph(workspace.files)
  return [
    ...workspace.projects.flatMap((project) => [
      ...manifestProblems(project, workspace),
      ...importProblems(project, workspace, graph),
    ]),
    ...importCycles(graph),
    ...stageProblems(graph),
    ...privateDataProblems(graph),
  ]
}

function manifestProblems(project: Project, { projects }: Workspace): readonly Problem[] {
  const file = `${project.folder}/package.json`
  const layers = project.tags.filter((tag) => tag.startsWith('layer:'))
  const unknown = project.tags.filter((tag) => rules[tag] === undefined)
  const [layer] = layers
  if (layer === undefined || layers.length > 1 || unknown.length > 0) {
    const known = Object.keys(rules).join(', ')
    return [
      { file, message: `"nx.tags" expected one layer and only ${known}, got [${project.tags.join(', ')}]` },
    ]
  }
  const allowed = [...(rules[layer]?.imports ?? []), ...(rules[layer]?.starts ?? [])]
  return project.dependencies.flatMap((name) => {
    const target = projects.find((other) => other.name === name)
    if (target === undefined || target.tags.some((tag) => allowed.includes(tag))) return []
    return [{ file, message: `${layer} may not depend on ${name}: remove it from package.json` }]
  })
}

function importProblems(
  project: Project,
  { projects, rootDependencies }: Workspace,
  graph: SourceGraph,
): readonly Problem[] {
  const problems: Problem[] = []
  const layer = project.tags.find((tag) => tag.startsWith('layer:')) ?? ''
  const bans = project.tags.flatMap((tag) => (rules[tag]?.bans ?? []).map((ban) => ({ tag, ban })))
  const files = [...graph.values()].filter(({ path }) => path.startsWith(`${project.folder}/`))
  for (const { path, imports } of files) {
    for (const { specifier, target, line } of imports) {
      const report = (message: string): void => void problems.push({ file: path, line, message })
      if (target !== undefined) {
        if (!target.startsWith(`${project.folder}/`))
          report(`"${specifier}" leaves ${project.folder}: import the package by its name`)
        continue
      }
      const name = packageOf(specifier)
      if (name === '' || builtins.has(name)) continue
      for (const { tag, ban } of bans) {
        if (matches(ban, name) && !(isTest(path) && tag.startsWith('side:')))
          report(`${tag} may not import "${name}"`)
      }
      const other = projects.find((candidate) => candidate.name === name)
      if (other === project) {
        report(`"${specifier}" is this package: import the file itself`)
        continue
      }
      if (other !== undefined && !other.tags.some((tag) => rules[layer]?.imports?.includes(tag))) {
        report(`${layer} may not import ${name} (${other.tags.join(', ')})`)
        continue
      }
      const entry = `.${specifier.slice(name.length)}`
      if (other !== undefined && !other.entries.includes(entry)) {
        report(
          `"${specifier}" reaches inside ${name}: import one of its entries (${other.entries.join(', ')})`,
        )
      }
      const declared =
        project.dependencies.includes(name) || (isTest(path) && rootDependencies.includes(name))
      if (!declared) report(`"${name}" is not declared: add it to ${project.folder}/package.json`)
    }
  }
  return problems
}

/** The package, or the built-in module, that a specifier names: "@a/b/c" is "@a/b"; "node:fs/promises" is "fs". */
function packageOf(specifier: string): string {
  const parts = specifier.replace(/^node:/, '').split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}

function matches(ban: string, name: string): boolean {
  return ban.endsWith('*') ? name.startsWith(ban.slice(0, -1)) : name === ban
}
