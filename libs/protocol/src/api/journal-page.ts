import { z } from 'zod'
import { instantSchema } from './instant.js'
import type { Shown } from './shown.js'

/** A line of the journal as operators see it. */
export const journalLineSchema = z
  .object({
    seq: z.int(),
    at: instantSchema,
    type: z.string(),
    hash: z.string().describe('covers it and every line before'),
    fields: z.record(z.string(), z.unknown()).describe('of its event, without the hashes of tokens'),
  })
  .meta({ id: 'JournalLine' })
export type JournalLine = Shown<typeof journalLineSchema>

/** Lines of the journal, the newest first. */
export const journalPageSchema = z
  .object({
    last: z.int().describe('seq of the last line that there is'),
    lines: z.array(journalLineSchema),
  })
  .meta({ id: 'JournalPage' })
export type JournalPage = Shown<typeof journalPageSchema>
