import { z } from 'zod'
import { countSchema, positiveSchema, sha256Schema } from '../messages/field.js'

const textSchema = z.string().max(255)

/** How a release came about: from what, by how many, with which settings and software. It names no site. */
export const lineageSchema = z.strictObject({
  parents: z.array(z.strictObject({ name: z.string().max(80), id: sha256Schema })).max(8), // releases that it continues, by the hashes of their manifests
  rounds: z.strictObject({ done: positiveSchema, planned: positiveSchema }), // of its run
  sites: z.strictObject({ round: countSchema, run: countSchema }), // that contributed: to its round, and to any round of its run
  settings: z.strictObject({
    sha256: sha256Schema, // of the canonical JSON of the whole run file, every default filled in
    seed: countSchema,
    method: textSchema,
    rank: positiveSchema,
    alpha: z.number(),
    rslora: z.boolean(),
    targets: z.union([z.literal('all-linear'), z.array(textSchema).max(1024)]),
    modulesToSave: z.array(textSchema).max(1024),
    format: textSchema, // of the data
    maxTokens: positiveSchema, // of a row
    steps: positiveSchema, // of an agent in a round
    batch: positiveSchema, // rows
    learningRate: z.number(),
    optimizer: textSchema, // of the agents
    strategy: textSchema, // how updates became one
    trust: textSchema, // exact, robust or private
  }),
  aggregation: z
    .strictObject({
      exact: z.boolean(), // whether the strategy gives the exact mean, but for rounding
      error: z.number().nullable(), // distance of the candidate from the exact mean, relative to its norm
      norm: z.number(),
      change: z.number(), // from the adapter that the round started from
      agreement: z.strictObject({ mean: z.number(), least: z.number() }).nullable(), // cosines of the sites' changes
      rule: textSchema.nullable(), // of a robust run
      notes: z.array(z.string().max(1000)).max(32), // what is inexact, and why
    })
    .nullable(), // null: it was not measured
  before: z.strictObject({
    baseline: z.number().nullable(), // held-out loss before the run
    parent: z.number().nullable(), // and of what it replaces, over the sites that measured both
  }),
  software: z.strictObject({
    coordinator: textSchema,
    node: textSchema,
    agents: z.array(textSchema).max(64), // each kind once, sorted
    devices: z.array(textSchema).max(64),
  }),
})
export type Lineage = Readonly<z.infer<typeof lineageSchema>>
