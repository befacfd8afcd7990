import { z } from 'zod'
import { limits } from '../limits.js'
import { parsePercentage } from './percentage.js'

const shareSchema = z.union([z.string(), z.number()]).transform((value, context) => {
  try {
    return parsePercentage(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

/** How the updates of a run are summed without being seen. Parsing fills in every default. */
export const secureSchema = z.strictObject({
  minSurvivors: z.int().min(2).max(limits.sumAgents).optional(), // the fewest agents that a sum is of; rounds.minimum where it is left out. More where so few could be told two lists
  colluding: shareSchema.prefault('20%'), // of the agents, that may work together with the coordinator
  threshold: z.int().min(2).max(limits.sumAgents).optional(), // shares that give a secret of an agent back; just above half of them where it is left out
  graph: z.enum(['auto', 'complete']).default('auto'), // who masks with whom; auto: everybody with everybody up to 100 agents
  bits: z.int().min(8).max(32).default(32), // of each value on its way
})

/** Secure aggregation of a run. */
export type SecureSpec = Readonly<z.infer<typeof secureSchema>>

/** `privacy.secureAggregation` as people write it: true stands for every default. */
export const secureAggregationSchema = z.union([
  z.literal(true).transform((): SecureSpec => secureSchema.parse({})),
  secureSchema,
])
