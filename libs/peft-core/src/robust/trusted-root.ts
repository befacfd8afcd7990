import type { Matrix } from '../linear-algebra/matrix.js'
import { updateNorms } from './distances.js'

export interface TrustedRoot {
  /** The place of the update that was trained on data that the coordinator trusts. */
  readonly root: number
}

/**
 * FLTrust, as weights: each update counts as much as its direction agrees with the root's, at the root's length.
 * Paper: https://arxiv.org/abs/2012.13995
 *
 *   trust_k = max(0, cos(u_k, u_0)),   sum over k of trust_k (||u_0|| / ||u_k||) u_k / sum over k of trust_k
 *
 * The root itself gets the weight 0. The result is never longer than the root, whatever the others send and however many lie; it
 * is no better than the root's data: what they lack is not learned, and honest agents with other data get little or no trust.
 * A lie with the root's direction is believed. RangeError when the root is none of the updates, its change is zero, or nobody
 * is trusted.
 */
export function trustedRoot(gram: Matrix, { root }: TrustedRoot): readonly number[] {
  const { rows, data } = gram
  if (!Number.isSafeInteger(root) || root < 0 || root >= rows)
    throw new RangeError(`root expected the place of one of ${rows} updates, got ${root}`)
  const norms = updateNorms(gram)
  const own = norms[root] as number
  if (own === 0) throw new RangeError('the root update expected a change, got none: train it further')
  const trust = norms.map((norm, at) =>
    at === root || norm === 0 ? 0 : Math.max(0, (data[at * rows + root] as number) / (norm * own)),
  )
  const total = trust.reduce((sum, share) => sum + share, 0)
  if (total === 0)
    throw new RangeError('the root update expected another of a like direction, got none to trust')
  return trust.map((share, at) => (share === 0 ? 0 : (share * own) / ((norms[at] as number) * total)))
}
