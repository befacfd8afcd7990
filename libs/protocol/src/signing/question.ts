import { createHash } from 'node:crypto'
import type { EvaluateAssignment, TrainAssignment } from '../messages/assignment.js'
import type { FileReference } from '../messages/field.js'
import { canonicalJson } from './canonical-json.js'

/** What agents that measure one adapter together must agree on, as two hashes. */
export interface Question {
  readonly adapter: string // of its files, by path
  readonly question: string // of everything that the number depends on
}

/** What an assignment asks, whoever is asked, in whatever round: the same hashes stand for the same numbers of the same data. */
export function questionOf({
  runId,
  base,
  adapter,
  data,
  batch,
  maxTokensEvaluated,
  personal = [],
}: Pick<
  EvaluateAssignment,
  'runId' | 'base' | 'adapter' | 'data' | 'batch' | 'maxTokensEvaluated' | 'personal'
>): Question {
  const hashed = adapterHash(adapter.files)
  const asked = { runId, base: base.sha256, adapter: hashed, data, batch, maxTokensEvaluated, personal }
  return { adapter: hashed, question: hashOf(asked) }
}

/**
 * What agents that sum their updates must agree on, as a hash: all that is asked of their training, but for what is of the moment. An agent that was asked for other steps, or for a smaller update, would leave those of the others nearly alone in the sum.
 */
export function trainingHash(assignment: TrainAssignment): string {
  const { assignmentId: _, traceparent: __, deadlineMs: ___, secure: ____, ...asked } = assignment
  return hashOf(asked)
}

/** A hash of the files of an adapter, whatever their order. */
export function adapterHash(files: readonly FileReference[]): string {
  return hashOf(files.map(({ path, sha256 }) => `${path} ${sha256}`).sort())
}

const hashOf = (value: unknown): string => createHash('sha256').update(canonicalJson(value)).digest('hex')
