/**
 * The order of the stages in libs/peft-core, and of the path of a round in apps/coordinator: each folder may import the
 * folders before it.
 * @module
 */
import type { Problem } from './problem.js'
import { isTest, type SourceGraph } from './source-graph.js'

const ROOT = 'libs/peft-core/src/'

const order = [
  'graph',
  'operators',
  'source',
  'adapt',
  'differentiate',
  'runtime',
  'train',
  'data',
  'linear-algebra',
  'adapter',
  'update',
  'fold',
  'robust',
  'aggregate',
  'evaluate',
  'decode',
] as const

/** Parts that rest on nothing later, which any stage may use: a folder, or one file in it. */
const leaves = [
  'linear-algebra',
  'adapter',
  'train/random',
  'train/batch',
  'train/batches',
  'train/counted',
] as const

/** Steps against the order, each with its reason. */
const exceptions: readonly { readonly from: string; readonly to: string; readonly why: string }[] = [
  { from: 'graph', to: 'operators', why: 'the builder asks each operator for the shape of its output' },
  {
    from: 'differentiate/finite-difference',
    to: 'runtime/reference',
    why: 'a gradient is proved by running the graph',
  },
  { from: 'runtime/host', to: 'train', why: 'the engine process runs the trainer' },
  { from: 'runtime/service', to: 'train', why: 'the engine process runs the trainer' },
  { from: 'runtime/service', to: 'evaluate', why: 'the engine process evaluates and generates' },
  { from: 'runtime/engine', to: 'evaluate', why: 'the engine process evaluates and generates' },
]

const COORDINATOR = 'apps/coordinator/src/'

/** What runs say, what their updates come to, and what is done about it. Other folders of the coordinator are in no order. */
const roundOrder = ['runs', 'aggregation', 'rounds'] as const

/** The native runtimes are loaded in one place only; tests may hold other stages against them. */
const natives = ['onnxruntime-node', '@tensorflow/'] as const

/** Imports of a later stage, and native runtimes outside `runtime/`. */
export function stageProblems(graph: SourceGraph): readonly Problem[] {
  return [...coreProblems(graph), ...roundProblems(graph)]
}

function roundProblems(graph: SourceGraph): readonly Problem[] {
  const rankOf = (path: string) =>
    path.startsWith(COORDINATOR)
      ? roundOrder.findIndex((stage) => path.startsWith(`${COORDINATOR}${stage}/`))
      : -1
  return [...graph.values()]
    .filter(({ path }) => rankOf(path) >= 0 && !isTest(path))
    .flatMap(({ path, imports }) =>
      imports
        .filter(({ target }) => target !== undefined && rankOf(target) > rankOf(path))
        .map(({ specifier, line }) => ({
          file: path,
          line,
          message: `${roundOrder[rankOf(path)]}/ comes before "${specifier}" and may not import it: ${roundOrder.join(', ')}`,
        })),
    )
}

function coreProblems(graph: SourceGraph): readonly Problem[] {
  return [...graph.values()]
    .filter(({ path }) => path.startsWith(ROOT) && path.slice(ROOT.length).includes('/'))
    .flatMap(({ path, imports }) =>
      imports.flatMap(({ specifier, target, line }) => problemOf(path, specifier, target, line)),
    )
}

function problemOf(
  file: string,
  specifier: string,
  target: string | undefined,
  line: number,
): readonly Problem[] {
  const from = partOf(file)
  const stage = stageOf(from)
  if (!isKnown(stage))
    return [{ file, line, message: `"${stage}" is no stage of peft-core: ${order.join(', ')}` }]
  if (natives.some((native) => specifier.startsWith(native)) && stage !== 'runtime' && !isTest(file)) {
    return [{ file, line, message: `only runtime/ may import "${specifier}": take a Runtime as an argument` }]
  }
  if (target === undefined || !target.startsWith(ROOT) || isTest(file)) return []
  const to = partOf(target)
  if (!to.includes('/'))
    return [{ file, line, message: `"${specifier}" is the library's own entry: import the file itself` }]
  if (rank(stageOf(to)) <= rank(stage) || isUnder(to, leaves)) return []
  if (exceptions.some((one) => isUnder(from, [one.from]) && isUnder(to, [one.to]))) return []
  return [{ file, line, message: `${stage}/ comes before ${stageOf(to)}/ and may not import "${specifier}"` }]
}

const partOf = (path: string): string => path.slice(ROOT.length).replace(/\.\w+$/, '')
const stageOf = (part: string): string => part.split('/')[0] ?? ''
const isKnown = (stage: string): boolean => rank(stage) >= 0
const rank = (stage: string): number => (order as readonly string[]).indexOf(stage)
const isUnder = (part: string, folders: readonly string[]): boolean =>
  folders.some((folder) => part === folder || part.startsWith(`${folder}/`))
