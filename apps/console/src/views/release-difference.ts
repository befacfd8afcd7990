import type { ReleaseManifest } from '@lorica/protocol'
import { bytes, change, count, loss, moment } from './format.js'

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

/** The better of two losses and by how much, in a sentence; null where one of them was not measured. */
export function betterText(from: ReleaseManifest, to: ReleaseManifest): string | null {
  const share = change(from.evaluation.loss, to.evaluation.loss)
  if (share === null) return null
  if (from.evaluation.tokens !== to.evaluation.tokens)
    return `The loss of ${to.name} is ${share} of that of ${from.name} away, measured on other text.`
  if (from.evaluation.loss === to.evaluation.loss) return `${from.name} and ${to.name} have the same loss.`
  const isBetter = (to.evaluation.loss ?? 0) < (from.evaluation.loss ?? 0)
  return `${to.name} is ${isBetter ? 'better' : 'worse'} than ${from.name}: its loss is ${share}.`
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
    ['Agents', contributions.map(({ name }) => name).join(', ') || '-'],
    ['Size', bytes(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))],
    [
      'Promise',
      privacy === undefined ? 'none' : `(${privacy.epsilon}, ${privacy.delta}) for a ${privacy.unit}`,
    ],
    ['Created', moment(one.createdAt)],
    ['Software', one.software],
  ]
}
