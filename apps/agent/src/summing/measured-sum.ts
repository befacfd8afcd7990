/**
 * A loss on its way into a secure sum: what leaves is masked, and the coordinator sees what all agents measured together.
 * @module
 */
import { createHash } from 'node:crypto'
import { type MeasuredLoss, maskedElements, measuredElements } from '@lorica/privacy'
import { type EvaluateAssignment, LoricaError, questionOf } from '@lorica/protocol'
import { type SumParts, sumInput, termsOf } from './secure-sum.js'

/** Throws LoricaError LRC-6017 for an assignment that wants more told than a sum holds. */
export function expectOnlyLoss({ against, probes }: EvaluateAssignment): void {
  if (against === undefined && probes === undefined) return
  throw new LoricaError('LRC-6017', 'what is measured in a secure sum is the loss alone', {
    expected: 'an assignment without another adapter to compare with',
    received: 'one that wants more told than a sum holds',
  })
}

/**
 * Takes part in the sum of an assignment with what was measured. Returns and throws as `sumInput`, and LRC-6017 for terms that are not
 * those of a measurement, and for a loss that does not fit.
 */
export async function sumMeasured(
  assignment: EvaluateAssignment,
  measured: MeasuredLoss,
  parts: SumParts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  expectOnlyLoss(assignment)
  const measures = questionOf(assignment)
  const elements = elementsOf(measured)
  const terms = { ...termsOf(assignment), measures }
  const of = { ...measures, brought: hashOf(elements) }
  return await sumInput(
    {
      ...{ assignmentId: assignment.assignmentId, terms, of },
      masked: async (masks) => {
        const bytes = maskedElements(elements, terms.ring, masks)
        return { bytes, sha256: hashOf(bytes) }
      },
    },
    parts,
    signal,
  )
}

const hashOf = (bytes: Uint8Array | Uint32Array): string => createHash('sha256').update(bytes).digest('hex')

function elementsOf(measured: MeasuredLoss): Uint32Array {
  try {
    return measuredElements(measured)
  } catch (cause) {
    throw new LoricaError('LRC-6017', 'what was measured does not fit a sum', { cause })
  }
}
