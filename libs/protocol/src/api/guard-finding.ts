import { z } from 'zod'
import { guardMetrics } from '../spec/guard-spec.js'
import type { Shown } from './shown.js'

export const guardFindingSchema = z
  .object({
    metric: z.enum(guardMetrics),
    of: z.string().describe('all, each, or label.NAME'),
    mode: z.enum(['enforce', 'dry-run']),
    verdict: z
      .enum(['pass', 'fail', 'inconclusive'])
      .describe(
        'inconclusive: the interval reaches to both sides of what is allowed, or too few examples were compared',
      ),
    agentId: z.string().nullable().describe('of a guard of each: the agent that did worst'),
    group: z.exactOptional(z.string()).describe('of a guard of a label: the value whose agents did worst'),
    value: z.number().nullable().describe('of the candidate; null: no agent told it'),
    before: z.number().nullable(),
    allowed: z.number().nullable().describe('how much worse it may be, in the unit of the metric'),
    interval: z
      .object({ low: z.number(), high: z.number(), confidence: z.number() })
      .nullable()
      .describe('of how much worse it is; null: the guard looks at means only'),
    gpu: z
      .exactOptional(
        z
          .object({ value: z.number(), before: z.number(), agents: z.int() })
          .nullable()
          .describe('null: agents run on GPUs, and none knows what it has of their memory'),
      )
      .describe(
        'of memory: the mean that is memory of GPUs, which the value has too, of the agents that know it; absent: none runs on a GPU',
      ),
    examples: z.int().nullable().describe('examples, texts or runs that were compared'),
  })
  .meta({ id: 'GuardFinding' })
/** What a guard found of a candidate beside the adapter before. */
export type GuardFinding = Shown<typeof guardFindingSchema>
