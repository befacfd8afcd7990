import { z } from 'zod'
import { LoricaError } from '../errors/lorica-error.js'
import { updateEncodingSchema } from '../messages/field.js'
import { readMessage } from '../messages/message.js'
import { aggregateSchema } from './aggregate-spec.js'
import { bufferSchema } from './buffer-spec.js'
import { withUniformWeights } from './dp-exclusions.js'
import { dpOrNoneSchema } from './dp-spec.js'
import { evaluateSchema } from './evaluate-spec.js'
import { expectCompatible } from './exclusions.js'
import { expectPossible, withSecure } from './privacy-exclusions.js'
import { rolloutSpecSchema } from './rollout-spec.js'
import { expectCron, expectTimeZone } from './schedule.js'
import { secureAggregationSchema } from './secure-spec.js'
import { checkedBy, conditionSchema, durationSchema, shareSchema } from './spec-field.js'
import { withoutUnavailable } from './unavailable.js'

const count = (highest: number) => z.int().min(1).max(highest)
/** A run as people write it, in YAML or JSON. Parsing fills in every default. */
export const runSpecSchema = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'expected a name of at most 64 letters, digits, dots and dashes',
    ),
  base: z.strictObject({
    model: z.string().min(1).max(4096), // path on the coordinator machine
  }),
  peft: z
    .strictObject({
      method: z.literal('lora').default('lora'),
      rank: count(1024).default(8), // of the release, and the most that an agent trains
      ranks: z
        .array(z.strictObject({ where: conditionSchema, rank: count(1024) }))
        .min(1)
        .max(64)
        .optional(), // what each agent trains: of the first condition that it meets; rank where it meets none
      alpha: z.number().positive().default(16),
      targets: z
        .union([z.literal('all-linear'), z.array(z.string().min(1).max(255)).min(1).max(1024)])
        .default('all-linear'),
      modulesToSave: z.array(z.string().min(1).max(255)).min(1).max(1024).optional(), // ends of names of modules that are trained whole, such as a head
      start: z.enum(['random', 'principal']).optional(), // of a factor that stays frozen: random rows, or the leading right singular vectors of the weights; random where it is left out
      rslora: z.boolean().default(false), // scale by alpha / sqrt(rank) rather than alpha / rank
    })
    .prefault({}),
  data: z.strictObject({
    format: z.enum(['text', 'chat', 'completion', 'classification', 'tokens']).default('text'),
    maxTokens: count(1_048_576).min(2), // columns of one row
  }),
  local: z.strictObject({
    steps: count(1_000_000), // optimizer steps of each agent in each round
    batch: count(65_536), // rows of one batch
    learningRate: z.number().positive().max(10),
    weightDecay: z.number().min(0).max(1).default(0),
    clipNorm: z.number().positive().nullable().default(1), // of the gradient; null: not clipped
    schedule: z.enum(['constant', 'linear', 'cosine']).default('constant'), // over the whole run
    warmupSteps: z.int().min(0).max(1_000_000).default(0),
    accumulate: count(65_536).default(1), // batches per optimizer step
    optimizer: z.enum(['adamw', 'sgd']).optional(), // adamw where it is left out
    optimizerState: z.enum(['reset', 'keep']).default('reset'), // between the rounds of one agent
    proximal: z.number().positive().max(1e6).nullable().optional(), // FedProx: pulls back to what the round starts from; null: not
    scaffold: z.boolean().optional(), // SCAFFOLD: steps are corrected for the direction in which the data of one agent pull
  }),
  rounds: z
    .strictObject({
      count: count(100_000),
      where: conditionSchema.nullable().default(null), // agents that may take part; null: all
      goal: count(100_000).nullable().default(null), // contributions that complete a round; null: of all that take part
      overSelect: shareSchema.prefault(0), // share of the goal that is invited beyond it, so that slow agents hold up nobody
      minimum: count(100_000).default(1), // contributions below which a round is abandoned; a start waits for as many agents
      deadline: durationSchema.nullable().default(null), // of one round; null: a round ends by the progress of its agents
      late: z
        .strictObject({ grace: durationSchema.nullable().prefault('30s') }) // for an upload that is under way at the deadline
        .prefault({}),
      mode: z.enum(['sync', 'buffered']).default('sync'), // buffered: a round closes with enough updates, and late ones count in a later round
      buffer: bufferSchema.optional(), // of the mode buffered
    })
    .superRefine(({ mode, buffer }, context) => {
      const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['buffer'], message })
      if (mode === 'buffered' && buffer === undefined)
        refuse('is what mode buffered needs: how many updates close a round, such as { size: 10 }')
      if (mode === 'sync' && buffer !== undefined)
        refuse('is a setting of mode buffered, and the mode is sync')
    })
    .transform(({ deadline, late, buffer, ...rounds }) => ({
      ...rounds,
      ...(buffer === undefined ? {} : { buffer }),
      deadlineMs: deadline,
      lateGraceMs: late.grace ?? 0,
    })),
  update: z
    .strictObject({ encoding: updateEncodingSchema.default('f32') }) // how updates travel; fewer bits, and what rounding kept back is added to the next
    .prefault({}),
  aggregate: aggregateSchema.prefault({}),
  privacy: z
    .strictObject({
      clip: z.number().positive().nullable().default(null), // bound on the L2 norm of an update
      secureAggregation: secureAggregationSchema.optional(), // of the trust private, which has it
      dp: dpOrNoneSchema.optional(),
    })
    .prefault({}),
  evaluate: evaluateSchema.prefault({}),
  rollout: rolloutSpecSchema.nullable().optional(), // of the release of the run, when it has ended; null, and left out: a release goes to every connected agent
  schedule: z
    .strictObject({
      cron: z.string().transform(checkedBy(expectCron)), // when windows begin, as minute hour day month weekday
      timeZone: z.string().transform(checkedBy(expectTimeZone)).default('UTC'),
      window: durationSchema, // how long each stays open, as elapsed time
    })
    .transform(({ window, ...schedule }) => ({ ...schedule, windowMs: window }))
    .nullable()
    .default(null), // no round opens outside a window; rounds that are left wait for the next one
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .optional(), // left out: drawn when the run starts, and recorded
})

/** A run with every default filled in; shares are numbers from 0 to 1, `rounds.deadline` is `rounds.deadlineMs` and
 * `rounds.late.grace` is `rounds.lateGraceMs`, and `schedule.window` is `schedule.windowMs`. */
export type RunSpec = Readonly<z.infer<typeof runSpecSchema>>

/**
 * Checks a run as decoded from YAML or JSON. Throws LoricaError LRC-3001 naming the first wrong field, or LRC-3002 naming
 * an option that this version does not do, or LRC-3014 naming two settings that exclude each other: nothing is ever silently ignored.
 */
export function parseRunSpec(raw: unknown): RunSpec {
  expectPossible(raw)
  const known = withUniformWeights(withSecure(withoutUnavailable(raw)))
  const spec = readMessage(runSpecSchema, 'run', known, 'LRC-3001')
  const { minimum, goal, buffer } = spec.rounds
  expectMinimum(minimum, 'rounds.goal', goal)
  expectMinimum(minimum, 'rounds.buffer.size', buffer?.size ?? null)
  if (spec.evaluate.holdout > 0.9) {
    throw new LoricaError('LRC-3001', 'run: "evaluate.holdout": expected at most 90%', {
      expected: 'at most 90%',
      received: `${spec.evaluate.holdout * 100}%`,
    })
  }
  const above = spec.peft.ranks?.findIndex(({ rank }) => rank > spec.peft.rank) ?? -1
  if (above >= 0) {
    const rank = spec.peft.ranks?.[above]?.rank
    throw new LoricaError(
      'LRC-3001',
      `run: "peft.ranks.${above}.rank": ${rank} is above peft.rank ${spec.peft.rank}`,
      { expected: `at most ${spec.peft.rank}`, received: String(rank) },
    )
  }
  const totalSteps = spec.local.steps * spec.rounds.count
  if (spec.local.warmupSteps > totalSteps) {
    throw new LoricaError(
      'LRC-3001',
      `run: "local.warmupSteps": ${spec.local.warmupSteps} is above the ${totalSteps} steps of the run`,
      {
        expected: `at most ${totalSteps}`,
        received: String(spec.local.warmupSteps),
      },
    )
  }
  expectCompatible(spec)
  return spec
}

function expectMinimum(minimum: number, name: string, most: number | null): void {
  if (most === null || minimum <= most) return
  throw new LoricaError('LRC-3001', `run: "rounds.minimum": ${minimum} is above ${name} ${most}`, {
    expected: `at most ${most}`,
    received: String(minimum),
  })
}
