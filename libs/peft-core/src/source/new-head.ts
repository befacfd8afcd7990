/**
 * A classifier for a model that has none, or one for other classes: fresh weights, to be trained whole.
 * @module
 */
import { weightBytes } from '../graph/constant.js'
import type { Weight } from '../graph/graph.js'
import { createRandom, type Random } from '../train/random.js'
import { type Fields, numberOf } from './fields.js'
import type { ModelTensors } from './weights.js'

export interface NewHead {
  readonly task: 'sequence' | 'token' | 'image'
  /** The names of the classes, two or more. */
  readonly labels: readonly string[]
  /** The same seed gives the same weights. */
  readonly seed: number
}

/** A linear layer of a head. */
export interface HeadLayer {
  readonly path: string
  /** Whether it gives the classes; else it is as wide as the model, and kept where the model has it. */
  readonly givesClasses: boolean
  /** It has one unless stated. */
  readonly hasBias?: boolean
}

/** The layers inside a head, and the one that gives the classes. */
export const headLayers = (inner: readonly string[], last: string): readonly HeadLayer[] => [
  ...inner.map((path) => ({ path, givesClasses: false })),
  { path: last, givesClasses: true },
]

const classOf = {
  sequence: 'SequenceClassification',
  token: 'TokenClassification',
  image: 'ImageClassification',
}

/** What transformers puts before the names of a family's classes. */
const families: Readonly<Record<string, string>> = {
  bert: 'Bert',
  camembert: 'Camembert',
  distilbert: 'DistilBert',
  roberta: 'Roberta',
  vit: 'ViT',
  'xlm-roberta': 'XLMRoberta',
}

/** The config.json of the model with the head, as transformers has it. RangeError when there are not two classes of different names. */
export function fieldsWithHead(fields: Fields, { task, labels }: NewHead): Fields {
  if (labels.length < 2 || new Set(labels).size < labels.length)
    throw new RangeError(`a classifier expected two classes or more, each once; got ${labels.join(', ')}`)
  return {
    ...fields,
    architectures: [`${families[String(fields.model_type)] ?? ''}For${classOf[task]}`],
    id2label: Object.fromEntries(labels.entries()),
    label2id: Object.fromEntries(labels.map((label, number) => [label, number])),
    num_labels: labels.length,
    problem_type: null,
  }
}

/**
 * The tensors of the model with the head's: weights normal with the deviation that config.json states (0.02 unless
 * stated), biases zero, as transformers starts them.
 */
export function tensorsWithHead(
  tensors: ModelTensors,
  layers: readonly HeadLayer[],
  { fields, head }: { readonly fields: Fields; readonly head: NewHead },
): ModelTensors {
  const width = numberOf(fields, ['dim', 'n_embd'].find((name) => name in fields) ?? 'hidden_size')
  const deviation = numberOf(fields, 'initializer_range', 0.02)
  const fresh = missingLayers(tensors, layers).flatMap(({ path, givesClasses, hasBias = true }) => {
    const outputs = givesClasses ? head.labels.length : width
    const random = createRandom(head.seed, `head ${path}`)
    const values = Array.from({ length: outputs * width }, () => deviation * normal(random))
    const weight = tensor(`${path}.weight`, [outputs, width], values)
    if (!hasBias) return [weight]
    return [weight, tensor(`${path}.bias`, [outputs], new Array<number>(outputs).fill(0))]
  })
  return new Map([...tensors, ...fresh.map((weight) => [weight.name, weight] as const)])
}

/** The modules that hold what `tensorsWithHead` makes; PEFT saves a `classifier` of two layers as one. */
export function newModules(tensors: ModelTensors, layers: readonly HeadLayer[]): readonly string[] {
  const paths = missingLayers(tensors, layers).map(({ path }) =>
    path.replace(/^classifier\..*/, 'classifier'),
  )
  return [...new Set(paths)]
}

const missingLayers = (tensors: ModelTensors, layers: readonly HeadLayer[]): readonly HeadLayer[] =>
  layers.filter(({ path, givesClasses }) => givesClasses || !tensors.has(`${path}.weight`))

const tensor = (name: string, shape: readonly number[], values: readonly number[]): Weight => ({
  name,
  element: 'float32',
  shape,
  data: { kind: 'bytes', bytes: weightBytes(values, 'float32') },
})

/** Box and Muller's transformation of two uniform numbers. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()))
  return radius * Math.cos(2 * Math.PI * random.uniform())
}
