import { z } from 'zod'
import type { Shown } from './shown.js'

const agreementViewSchema = z
  .object({ mean: z.number(), least: z.number() })
  .meta({ id: 'AgreementView', description: 'cosines of the changes of agents, over all pairs' })
/** Cosines of the changes of agents, over all pairs. */
export type AgreementView = Shown<typeof agreementViewSchema>

const aggregatedModuleSchema = z
  .object({
    module: z.string(),
    rank: z.int().describe('of the candidate'),
    norm: z.number().describe('of the exact aggregate, Frobenius'),
    change: z.number().describe('of the exact aggregate from the adapter that the round started from'),
    error: z.number().nullable().describe('distance of the candidate from the exact aggregate'),
    averagedError: z.number().nullable().describe('distance that averaging A and B would have had'),
    agreement: agreementViewSchema.nullable(),
  })
  .meta({
    id: 'AggregatedModule',
    description: 'errors are relative to the norm of the exact aggregate; null where that is zero',
  })
/** What aggregation did to one adapted module. Errors are relative to the norm of the exact aggregate; null where that is zero. */
export type AggregatedModule = Shown<typeof aggregatedModuleSchema>

const aggregatedAgentSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    share: z.number(),
    change: z.number().nullable().describe('the norm of its change of the model, over all modules'),
    cosine: z.number().nullable().describe('of its change and the exact mean change'),
  })
  .meta({ id: 'AggregatedAgent' })
/** What one agent brought to an aggregate. */
export type AggregatedAgent = Shown<typeof aggregatedAgentSchema>

const ruledAgentSchema = z
  .object({
    agentId: z.string(),
    name: z.string(),
    weight: z
      .number()
      .nullable()
      .describe('what it counts: 0 when it was left out, less than its share when it was shortened'),
    norm: z.number().nullable().describe('of its change, as the rule saw it'),
  })
  .meta({ id: 'RuledAgent' })
/** What a robust rule decided over one agent's update; null of a rule that looks at single values, and counts no update as a whole. */
export type RuledAgent = Shown<typeof ruledAgentSchema>

const ruleViewSchema = z
  .object({
    rule: z.string(),
    liars: z.number().nullable().describe('that it was told to assume'),
    share: z.number().describe('of each update before the rule'),
    start: z.number().describe('what the rule left to the adapter that the round started from'),
    agents: z.array(ruledAgentSchema),
  })
  .meta({ id: 'RuleView' })
/** What a robust rule made of the updates, which all counted alike before it. */
export type RuleView = Shown<typeof ruleViewSchema>

const sideViewSchema = z
  .object({
    rank: z.int().describe('the largest of a module'),
    maxRank: z.int().describe('that one may have'),
    dropped: z
      .number()
      .describe(
        'the share of its sum of squared singular values that the bound left out in this round; 0: nothing',
      ),
  })
  .meta({ id: 'SideView' })
/** The frozen side that a candidate of flora or fedex has beside the factors that are trained next. */
export type SideView = Shown<typeof sideViewSchema>

/** How a candidate was made of the updates of a round, and how far it is from their exact mean. */
export const aggregationViewSchema = z
  .object({
    strategy: z.string(),
    exact: z.boolean().describe('whether the strategy gives the exact mean, but for rounding'),
    error: z.number().nullable().describe('over all modules'),
    averagedError: z.number().nullable(),
    norm: z.number(),
    change: z.number(),
    agreement: agreementViewSchema.nullable(),
    agents: z.array(aggregatedAgentSchema),
    modules: z.array(aggregatedModuleSchema),
    notes: z.array(z.string()).describe('what is inexact, and why'),
    optimizer: z
      .exactOptional(z.string())
      .describe(
        'of the coordinator, that made the candidate of the aggregate; all figures are of the aggregate, before its step',
      ),
    rule: z
      .exactOptional(ruleViewSchema.nullable())
      .describe('of a robust run; errors are then from the sum that the rule decided'),
    side: z.exactOptional(sideViewSchema),
  })
  .meta({ id: 'AggregationView' })
export type AggregationView = Shown<typeof aggregationViewSchema>
