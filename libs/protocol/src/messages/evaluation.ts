import { z } from 'zod'
import { traceparentSchema } from '../telemetry/span.js'
import { countSchema, idSchema, positiveSchema, secondsMsSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { differencesSchema, isReal, probedSchema } from './probe.js'
import { since } from './since.js'

/** How many parts of 0 to 1 the probabilities of predictions are counted in. */
export const CALIBRATION_BINS = 10

/** Of the predictions of one adapter: how many are right, and how sure they were. */
const predictionsSchema = z.strictObject({
  right: countSchema, // labels that are the likeliest
  calibration: z
    .array(z.strictObject({ labels: countSchema, confidence: z.number().min(0), right: countSchema }))
    .length(CALIBRATION_BINS), // by probability; confidence: its sum
})

/** Two adapters on the same examples. */
export const comparisonSchema = z
  .strictObject({
    adapter: predictionsSchema,
    against: predictionsSchema,
    againstLossSum: z.number(), // of `against`, over the same tokens
    loss: differencesSchema, // of an example's mean loss
    accuracy: differencesSchema, // of an example's share of right labels: that of `against` less that of `adapter`
    probed: since(2, probedSchema), // where the assignment asks for it
  })
  .refine(areCounts, 'expected counts of the same examples and labels, and sums of real values')

/** Whether the numbers of a comparison can be counts and sums of anything. */
function areCounts({
  adapter,
  against,
  loss,
  accuracy,
}: Record<'adapter' | 'against', z.infer<typeof predictionsSchema>> &
  Record<'loss' | 'accuracy', z.infer<typeof differencesSchema>>): boolean {
  const labelsOf = ({ calibration }: z.infer<typeof predictionsSchema>) =>
    calibration.reduce((sum, { labels }) => sum + labels, 0)
  const isCounted = (of: z.infer<typeof predictionsSchema>) =>
    of.calibration.every(
      ({ labels, confidence, right }) => right <= labels && confidence <= labels * (1 + 1e-6),
    ) && of.calibration.reduce((sum, { right }) => sum + right, 0) === of.right
  return (
    [adapter, against].every(isCounted) &&
    labelsOf(adapter) === labelsOf(against) &&
    loss.count === accuracy.count &&
    loss.count <= labelsOf(adapter) &&
    [loss, accuracy].every(isReal)
  )
}

export type Comparison = Readonly<z.infer<typeof comparisonSchema>>

/** agent -> coordinator: the loss of an adapter on the text that I held out. */
export const evaluationSchema = z.strictObject({
  assignmentId: idSchema,
  traceparent: since(2, traceparentSchema), // of the work, where the agent traces it
  lossSum: z.number(), // sum over tokens, in nats
  tokens: positiveSchema, // tokens predicted
  evaluateMs: secondsMsSchema,
  comparison: since(2, comparisonSchema), // where the assignment asks for it
})
export type Evaluation = Readonly<z.infer<typeof evaluationSchema>>

export const evaluationReplySchema = z.strictObject({})
export type EvaluationReply = Readonly<z.infer<typeof evaluationReplySchema>>

/** Checks an untrusted message. Throws LoricaError LRC-1007. */
export function parseEvaluation(raw: unknown): Evaluation {
  return readMessage(evaluationSchema, 'evaluation', raw)
}

/** Checks an untrusted reply. Throws its refusal, or LoricaError LRC-1012. */
export function parseEvaluationReply(raw: unknown): EvaluationReply {
  return readReply(evaluationReplySchema, 'evaluation', raw)
}
