import { z } from 'zod'

const decay = z.number().min(0).lt(1)
const rate = z.number().positive().max(1000)
const tau = z.number().positive().max(1000).default(1e-3) // keeps small changes small
const adaptive = {
  learningRate: rate.default(1e-3),
  beta1: decay.default(0.9),
  beta2: decay.default(0.99),
  tau,
  biasCorrection: z.boolean().default(false),
}

/** An optimiser of the coordinator, which takes the change of a round for a gradient. */
export const optimizerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('momentum'),
    learningRate: rate.default(1),
    momentum: decay.default(0.9),
  }),
  z.strictObject({
    kind: z.literal('adagrad'),
    learningRate: rate.default(1e-2),
    beta1: decay.default(0),
    tau,
  }),
  z.strictObject({ kind: z.literal('adam'), ...adaptive }),
  z.strictObject({ kind: z.literal('yogi'), ...adaptive }),
])
export type OptimizerSpec = Readonly<z.infer<typeof optimizerSchema>>
