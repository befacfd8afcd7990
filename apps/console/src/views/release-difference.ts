import type { ReleaseManifest } from '@lorica/protocol'
import { bytes, count, loss, moment } from './format.js'

/** What two releases say of themselves, side by side; `isSame` where they say the same. */
export interface Fact {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly isSame: boolean
}

/** Two manifests held against each other. */
export function manifestFacts(from: ReleaseManifest, to: ReleaseManifest): readonly Fact[] {
  const [first, second] = [factsOf(from), factsOf(to)]
  return first.map(([name, text], index) => {
    const other = second[index]?.[1] ?? '-'
    return { name, from: text, to: other, isSame: text === other }
  })
}

/** The better of two by their losses, in a sentence; null where one of them was not measured. */
export function betterText(from: ReleaseManifest, to: ReleaseManifest): string | null {
  const [old, next] = [from.evaluation, to.evaluation]
  if (old.loss === null || next.loss === null) return null
  if (old.loss === next.loss) return `${from.name} and ${to.name} have the same loss.`
  const share = Math.abs((100 * (next.loss - old.loss)) / old.loss).toFixed(1)
  const isBetter = next.loss < old.loss
  const other = old.tokens === next.tokens ? '' : ', measured on other text'
  return `${to.name} is ${isBetter ? 'better' : 'worse'} than ${from.name}: its loss is ${share} % ${isBetter ? 'lower' : 'higher'}${other}.`
}

function factsOf(one: ReleaseManifest): readonly (readonly [string, string])[] {
  const { privacy, evaluation, contributions, files } = one
  return [
    ['Run', `${one.runName} (${one.runId})`],
    ['Round', String(one.round)],
    ['Parent', one.parent ?? 'none: the first of its run'],
    ['Base', `${one.base.name} ${one.base.sha256.slice(0, 12)}`],
    ['Held-out loss', loss(evaluation.loss)],
    ['Held-out tokens', count(evaluation.tokens)],
    [
      'Agents',
      contributions
        .map(({ name }) => name)
        .toSorted()
        .join(', ') || '-',
    ],
    ['Size', bytes(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))],
    [
      'Promise',
      privacy === undefined ? 'none' : `(${privacy.epsilon}, ${privacy.delta}) for a ${privacy.unit}`,
    ],
    ['Created', moment(one.createdAt)],
    ['Software', one.software],
  ]
}
