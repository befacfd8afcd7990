import { z } from 'zod'
import type { RunSpec } from '../spec/run-spec.js'

/** A run file as answers have it: with every default, and its texts read. */
export const runSpecShownSchema = z
  .custom<RunSpec>((value) => typeof value === 'object' && value !== null, 'expected a run file')
  .meta({
    id: 'RunSpec',
    type: 'object',
    description:
      'the run file with every default; shares are numbers from 0 to 1, rounds.deadline is rounds.deadlineMs, rounds.late.grace is rounds.lateGraceMs, schedule.window is schedule.windowMs',
  })
