/**
 * What the owner of a machine allows a fleet to ask of it. The site has the last word: what the policy does not allow is
 * declined, with the reason, before anything is downloaded.
 * @module
 */
import type { Assignment, FileReference, TrainAssignment } from '@lorica/protocol'
import { z } from 'zod'
import type { Company } from './company.js'
import { isWithin, parseHours } from './hours.js'
import { parseSize } from './size.js'

const parsed =
  <From>(parse: (value: From) => unknown) =>
  (value: From, context: z.RefinementCtx): void => {
    try {
      parse(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
    }
  }
const count = z.int().min(1)
const LEAST_AGENTS = 2 // of a sum, where the policy says nothing
const hoursSchema = z.string().superRefine(parsed(parseHours))
const sizeSchema = z.union([z.string(), z.number()]).superRefine(parsed(parseSize))

/** A policy as its owner writes it. What is left out is not limited, but for `textOverlap`. */
export const policySchema = z.strictObject({
  bases: z.array(z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')).optional(), // SHA-256 of models
  methods: z.array(z.enum(['lora'])).optional(),
  maxRank: count.optional(),
  maxSteps: count.optional(), // optimizer steps of one round
  maxRowTokens: count.optional(),
  formats: z.array(z.enum(['text', 'chat', 'completion', 'classification', 'tokens'])).optional(),
  maxUpdateNorm: z.number().positive().optional(), // a run has to clip updates to this norm or less
  secureAggregation: z
    .union([
      z.literal('required'),
      z
        .strictObject({
          required: z.boolean().default(true),
          minAgents: count.min(2).optional(),
          peers: z.array(z.string().regex(/^[0-9a-f]{32}$/, 'expected the id of an agent')).optional(), // that count, since the site knows them
        })
        .refine(
          ({ minAgents = LEAST_AGENTS, peers }) =>
            peers === undefined || new Set(peers).size >= minAgents - 1,
          {
            path: ['peers'],
            message: 'expected at least one agent fewer than minAgents',
          },
        ),
    ])
    .optional(), // whether updates and losses may leave only as parts of sums, and of how many agents at least
  minNoise: z.number().positive().optional(), // of the clip: updates leave only with so much noise of this agent, and losses not at all
  minHoldout: z.number().min(0).max(0.9).optional(), // share of the data that is never trained on
  privacy: z
    .strictObject({
      maxEpsilon: z.number().positive().max(1e6), // of the examples of one file, over all runs
      delta: z.number().gt(0).lt(1).default(1e-5),
      minNoiseMultiplier: z.number().positive().max(1e6).optional(),
    })
    .optional(), // only runs that protect examples are allowed, and nothing is measured
  siteBudget: z
    .strictObject({
      maxEpsilon: z.number().positive().max(1e6), // of this site, over all runs, by its own count
      delta: z.number().gt(0).lt(1).default(1e-5),
    })
    .optional(), // only updates with noise of agents leave, until they have spent it, and nothing is measured
  textOverlap: z.boolean().optional(), // true: how many of the texts that a run names are in parts in the training data may be told
  hours: z.union([hoursSchema, z.array(hoursSchema).min(1)]).optional(), // of this machine's clock
  bytesPerDay: sizeSchema.optional(), // both ways together
  idleOnly: z.boolean().optional(), // true: yields while other programs use the processor or the GPU
  onBattery: z.boolean().optional(), // false: yields while the machine runs on battery
  maxCelsius: z.number().min(20).max(150).optional(), // yields while a part is hotter
  whenUnknown: z.enum(['work', 'yield']).optional(), // what to do where the machine does not tell
})
export type Policy = Readonly<z.infer<typeof policySchema>>

/** What is known beside the assignment when it is judged. */
export interface Moment {
  readonly now: Date
  readonly bytesToday: number // moved since midnight
}

/** Why a policy does not allow an assignment, in words without anything private; undefined when it does. */
export function forbidden(policy: Policy, assignment: Assignment, moment: Moment): string | undefined {
  const own =
    assignment.kind === 'train' ? trainingFaults(policy, assignment) : measuringFaults(policy, assignment)
  return [privacyFault(policy, assignment), ...own, ...commonFaults(policy, assignment, moment)].find(
    (fault) => fault !== undefined,
  )
}

/** What a site demands of secure sums. */
export function sumsOf({ secureAggregation: wanted }: Policy): Company & { readonly isRequired: boolean } {
  const anybody = { minAgents: LEAST_AGENTS, peers: null }
  if (wanted === undefined) return { isRequired: false, ...anybody }
  if (wanted === 'required') return { isRequired: true, ...anybody }
  const { required: isRequired, minAgents = LEAST_AGENTS, peers } = wanted
  return { isRequired, minAgents, peers: peers === undefined ? null : new Set(peers) }
}

type Fault = string | undefined

/** What a site that protects its examples does not let out: anything without noise. */
function privacyFault({ privacy }: Policy, assignment: Assignment): Fault {
  if (privacy === undefined) return undefined
  if (assignment.kind === 'evaluate')
    return 'a loss on private text is an exact number about it, and this site lets out none (policy.yaml: privacy)'
  const { dp } = assignment
  if (dp === undefined) return 'the run has no privacy.dp of unit example, which this site asks for'
  const { minNoiseMultiplier: least } = privacy
  return least !== undefined && dp.noiseMultiplier < least
    ? `privacy.dp.noiseMultiplier is ${dp.noiseMultiplier}, this site asks for at least ${least}`
    : undefined
}

function trainingFaults(
  policy: Policy,
  { peft, local, maxUpdateNorm, secure, noise, dp, rank = peft.rank }: TrainAssignment,
): readonly Fault[] {
  const { methods, maxRank, maxSteps, maxUpdateNorm: bound, minNoise, siteBudget } = policy
  const shared =
    secure?.noise === undefined || maxUpdateNorm === null ? 0 : secure.noise.deviation / maxUpdateNorm
  const own = noise?.multiplier ?? shared // of this agent alone
  const siteNoise = noise !== undefined || dp === undefined ? own : 0 // that on sums of examples protects no site
  return [
    methods !== undefined && !methods.includes(peft.method)
      ? `method ${peft.method}, this site allows ${listOf(methods)}`
      : undefined,
    above('rank', rank, maxRank),
    above('steps', local.steps * local.accumulate, maxSteps),
    bound !== undefined && (maxUpdateNorm === null || maxUpdateNorm > bound)
      ? `privacy.clip is ${maxUpdateNorm ?? 'not set'}, this site asks for at most ${bound}`
      : undefined,
    minNoise !== undefined && !(own >= minNoise)
      ? `the update would leave with noise of ${own} times the clip, this site asks for at least ${minNoise} (privacy.dp.noise agent, or shared)`
      : undefined,
    siteBudget !== undefined && (siteNoise === 0 || maxUpdateNorm === null)
      ? 'the update would leave without noise of agents, and this site counts what it spends (policy.yaml: siteBudget; privacy.dp.noise agent, or shared)'
      : undefined,
    ...sumFaults(policy, secure, 'the update'),
  ]
}

function sumFaults(policy: Policy, secure: Assignment['secure'], what: string): readonly Fault[] {
  const { isRequired, minAgents } = sumsOf(policy)
  return [
    isRequired && secure === undefined
      ? `${what} would be seen by itself, this site asks for aggregate.trust private`
      : undefined,
    secure !== undefined && secure.minSurvivors < minAgents
      ? `a sum of ${secure.minSurvivors} agents, this site asks for at least ${minAgents}`
      : undefined,
  ]
}

function measuringFaults(
  policy: Policy,
  { probes, secure }: Extract<Assignment, { readonly kind: 'evaluate' }>,
): readonly Fault[] {
  const { minNoise, siteBudget, textOverlap } = policy
  const names = probes?.overlap?.items.length ?? 0 // of none of them, it is the site's own held-out examples that are counted
  return [
    minNoise === undefined && siteBudget === undefined
      ? undefined
      : 'a loss would leave without noise, this site lets only updates with noise leave',
    names > 0 && textOverlap !== true
      ? 'it asks which texts have parts in the training data, which this site does not tell (policy.yaml: textOverlap)'
      : undefined,
    ...sumFaults(policy, secure, 'the loss'),
  ]
}

function commonFaults(
  policy: Policy,
  { base, data, ...assignment }: Assignment,
  { now, bytesToday }: Moment,
): readonly Fault[] {
  const { bases, formats, maxRowTokens, minHoldout, hours, bytesPerDay } = policy
  const windows = hours === undefined ? [] : [hours].flat()
  const expected = bytesToday + movedBy(assignment)
  return [
    bases !== undefined && !bases.includes(base.sha256)
      ? `base ${base.sha256.slice(0, 12)}… is not among the ${bases.length} that this site allows`
      : undefined,
    formats !== undefined && !formats.includes(data.format)
      ? `data of the form ${data.format}, this site allows ${listOf(formats)}`
      : undefined,
    above('tokens of a row', data.maxTokens, maxRowTokens),
    minHoldout !== undefined && data.holdout < minHoldout
      ? `evaluate.holdout is ${data.holdout}, this site asks for at least ${minHoldout}`
      : undefined,
    windows.length > 0 && !windows.some((window) => isWithin(parseHours(window), now))
      ? `it is outside the hours ${windows.join(', ')} of this site`
      : undefined,
    bytesPerDay !== undefined && expected > parseSize(bytesPerDay)
      ? `${expected} bytes would have been moved today, this site allows ${parseSize(bytesPerDay)}`
      : undefined,
  ]
}

/** The bytes of the adapter, and again of its weights when an update of them is sent. */
function movedBy({ kind, adapter }: Pick<Assignment, 'kind' | 'adapter'>): number {
  const total = (files: readonly FileReference[]) => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const sent = kind === 'train' ? adapter.files.filter(({ path }) => path.endsWith('.safetensors')) : []
  return total(adapter.files) + total(sent)
}

function above(what: string, value: number, limit: number | undefined): Fault {
  return limit !== undefined && value > limit
    ? `${what} ${value}, this site allows at most ${limit}`
    : undefined
}

const listOf = (allowed: readonly string[]): string => (allowed.length === 0 ? 'none' : allowed.join(', '))
