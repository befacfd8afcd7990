import { z } from 'zod'
import { idSchema, positiveSchema, secondsMsSchema } from './field.js'
import { readMessage, readReply } from './message.js'
import { since } from './since.js'

/** agent -> coordinator: the loss of an adapter on the text that I held out. */
export const evaluationSchema = z.strictObject({
  assignmentId: idSchema,
  lossSum: z.number(), // sum over tokens, in nats
  tokens: positiveSchema, // tokens predicted
  evaluateMs: secondsMsSchema,
  pairs: since(
    2,
    z.strictObject({
      count: positiveSchema, // rows of held-out text that both adapters were measured on
      sum: z.number(), // of (loss under adapter - loss under against), each the mean over the tokens of a row
      sumOfSquares: z.number().min(0),
      against: z.number(), // mean over the rows of the loss under against
    }),
  ), // of an assignment with against
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
