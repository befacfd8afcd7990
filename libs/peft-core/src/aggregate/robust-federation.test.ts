import { expect, test } from 'vitest'
import type { Adapter } from '../adapter/adapter.js'
import { createLoraConfig } from '../adapter/lora-config.js'
import type { TensorMap } from '../adapter/tensor.js'
import { tensorSource } from '../fold/tensor-source.js'
import { scaledUpdate } from '../robust/attacks.js'
import type { DistanceMemory } from '../robust/remembered-distances.js'
import { createRandom, fillNormal } from '../train/random.js'
import { type TrainingModel, train } from '../train/trainer.js'
import { aggregate, keyOf } from './agents.fixture.js'
import type { AggregationRule } from './robust-aggregate.js'

/** Ten sites learn one matrix of rank 2 from inputs of unlike spread and noisy outputs, by factors of their own basis. */
const [OUTPUTS, INPUTS, RANK, SCALING, ROWS, SITES] = [6, 8, 2, 1.5, 60, 10]
const [KEY_A, KEY_B] = [keyOf('q', 'A'), keyOf('q', 'B')]

function normals(count: number, stream: string, seed = 3): Float32Array {
  const values = new Float32Array(count)
  fillNormal(values, createRandom(seed, stream))
  return values
}

const [trueA, trueB] = [normals(RANK * INPUTS, 'A'), normals(OUTPUTS * RANK, 'B')]

interface Rows {
  readonly x: Float32Array // (ROWS, INPUTS)
  readonly y: Float32Array // (ROWS, OUTPUTS)
}

function rowsOf(name: string, site: number | null, seed?: number): Rows {
  const x = normals(ROWS * INPUTS, `x ${name}`, seed).map((value, at) =>
    site !== null && at % INPUTS === site % INPUTS ? 2.5 * value : value,
  )
  const noise = normals(ROWS * OUTPUTS, `noise ${name}`, seed)
  return { x, y: predicted(x, trueA, trueB).map((value, at) => value + 0.5 * noise[at]!) }
}

/** Rows of B A x. */
function predicted(x: Float32Array, a: Float32Array, b: Float32Array): Float32Array {
  const hidden = hiddenOf(x, a)
  return Float32Array.from({ length: ROWS * OUTPUTS }, (_, at) => {
    const [row, output] = [Math.floor(at / OUTPUTS), at % OUTPUTS]
    let sum = 0
    for (let k = 0; k < RANK; k++) sum += b[output * RANK + k]! * hidden[row * RANK + k]!
    return sum
  })
}

/** Rows of A x. */
function hiddenOf(x: Float32Array, a: Float32Array): Float32Array {
  return Float32Array.from({ length: ROWS * RANK }, (_, at) => {
    const [row, k] = [Math.floor(at / RANK), at % RANK]
    let sum = 0
    for (let input = 0; input < INPUTS; input++) sum += a[k * INPUTS + input]! * x[row * INPUTS + input]!
    return sum
  })
}

const factors = (tensors: TensorMap) => [tensors.get(KEY_A)!.data, tensors.get(KEY_B)!.data] as const

/** Half the squared error of scaling * B A x, summed over the outputs; its gradients by hand. */
function modelOf({ x, y }: Rows): TrainingModel {
  return {
    task: 'masked',
    async lossAndGradients(parameters) {
      const [a, b] = factors(parameters)
      const error = predicted(x, a, b).map((value, at) => SCALING * value - y[at]!)
      const hidden = hiddenOf(x, a)
      const [ga, gb] = [new Float32Array(a.length), new Float32Array(b.length)]
      for (let row = 0; row < ROWS; row++) {
        for (let output = 0; output < OUTPUTS; output++) {
          const step = (SCALING * error[row * OUTPUTS + output]!) / ROWS
          for (let k = 0; k < RANK; k++) {
            gb[output * RANK + k]! += step * hidden[row * RANK + k]!
            for (let input = 0; input < INPUTS; input++)
              ga[k * INPUTS + input]! += step * b[output * RANK + k]! * x[row * INPUTS + input]!
          }
        }
      }
      const loss = error.reduce((sum, value) => sum + value * value, 0) / 2 / ROWS
      return {
        loss,
        gradients: new Map([
          [KEY_A, ga],
          [KEY_B, gb],
        ]),
      }
    },
  }
}

const config = createLoraConfig({
  method: 'lora',
  rank: RANK,
  alpha: SCALING * RANK,
  targets: ['q'],
  rslora: false,
})
const first: Adapter = {
  config,
  tensors: new Map([
    [KEY_A, { shape: [RANK, INPUTS], data: normals(RANK * INPUTS, 'start').map((value) => 0.4 * value) }],
    [KEY_B, { shape: [OUTPUTS, RANK], data: new Float32Array(OUTPUTS * RANK) }],
  ]),
}
const batch = {
  rows: 1,
  columns: 2,
  inputIds: new Int32Array(2),
  attentionMask: new Int32Array(2),
  labels: Int32Array.of(1, 1),
}
/** The held-out loss after 40 rounds, of which so many sites multiply what they send. */
async function ends(
  seed: number,
  lie: { readonly liars: number; readonly factor: number },
  rule: AggregationRule | null,
): Promise<number> {
  const sites = Array.from({ length: SITES }, (_, site) => rowsOf(`site ${site}`, site, seed))
  let start = first
  let before: DistanceMemory | null = null
  for (let round = 1; round <= 40; round++) {
    const contributions = await Promise.all(
      sites.map(async (rows, site) => {
        const { tensors } = await train(modelOf(rows), {
          tensors: start.tensors,
          batches: Array.from({ length: 6 }, () => batch),
          optimizer: { kind: 'sgd', learningRate: 0.01, weightDecay: 0 },
          schedule: { kind: 'constant', warmupSteps: 0, totalSteps: 6, firstStep: 0 },
          accumulate: 1,
        })
        const delta = new Map(
          [...tensors].map(([name, { shape, data }]) => {
            const from = start.tensors.get(name)!.data
            return [name, { shape, data: data.map((value, at) => value - from[at]!) }] as const
          }),
        )
        const sent = site < lie.liars ? scaledUpdate(delta, lie.factor) : delta
        return { id: `site-${site}`, weight: 1, config, start: start.tensors, tensors: tensorSource(sent) }
      }),
    )
    const spec = { strategy: 'svd', balance: 'even', partition: false } as const
    const remembering =
      rule !== null && 'memory' in rule ? { ...rule, memory: { ...rule.memory, before } } : rule
    const plan = { start, round, measured: false, rule: remembering }
    const { candidate, report } = await aggregate(spec, contributions, plan)
    start = candidate
    before = report.rule?.memory ?? null
  }
  const heldOut = modelOf(rowsOf('held out', null, seed))
  return (await heldOut.lossAndGradients(start.tensors, batch, createRandom(1, 'none'))).loss
}

const multiKrum = { rule: 'multi-krum', liars: 2 } as const
const overRounds = { ...multiKrum, memory: { halfLifeRounds: 7, before: null } } as const

test('two liars of ten: multi-Krum ends within 2 % of the honest run, the mean does not', async () => {
  const clean = await ends(3, { liars: 0, factor: 1 }, null)
  for (const factor of [100, -1]) {
    const lie = { liars: 2, factor }
    const mean = await ends(3, lie, null).catch(() => Number.POSITIVE_INFINITY) // training that diverged
    expect(await ends(3, lie, multiKrum)).toBeLessThan(1.02 * clean)
    expect(mean).toBeGreaterThan(1.02 * clean)
  }
})

test('so does multi-Krum that remembers the rounds before, on other data', async () => {
  const clean = await ends(5, { liars: 0, factor: 1 }, null)
  for (const factor of [100, -1])
    expect(await ends(5, { liars: 2, factor }, overRounds)).toBeLessThan(1.02 * clean)
})
