import { type LearningGroup, type LearningResult, meanOf, spreadOf } from './bench-learning.js'
import type { LearningStrategy } from './learning-strategies.js'

/** What releases the mean of the agents’ changes itself, svd as far as the rank holds it, and trains both factors in every round. */
const exact: readonly LearningStrategy[] = ['svd', 'fedex', 'flora']

/** What the figures show, in sentences; whatever they show. */
export function findings({ mixed, equal }: LearningResult): readonly string[] {
  return [...againstPadding(mixed), ...amongExact(equal), ...againstAlone(mixed), ...againstAlone(equal)]
}

function lossesOf({ rows }: LearningGroup, name: LearningStrategy): readonly number[] | undefined {
  return rows.find(({ strategy }) => strategy === name)?.losses
}

function againstPadding(group: LearningGroup): readonly string[] {
  const padded = lossesOf(group, 'hetlora')
  const compressed = lossesOf(group, 'svd')
  if (padded === undefined || compressed === undefined) return []
  const better = compressed.filter((loss, at) => loss < (padded[at] as number)).length
  const by = meanOf(padded) - meanOf(compressed)
  return [
    `mixed ranks: svd ends ${Math.abs(by).toFixed(3)} nats ${by > 0 ? 'below' : 'above'} zero-padded averaging (hetlora), and below it in ${better} of ${padded.length} seeds`,
  ]
}

function amongExact(group: LearningGroup): readonly string[] {
  const found = exact.flatMap((name) => {
    const losses = lossesOf(group, name)
    return losses === undefined ? [] : [{ name, losses }]
  })
  if (found.length < 2) return []
  const means = found.map(({ losses }) => meanOf(losses))
  const apart = Math.max(...means) - Math.min(...means)
  const spread = Math.max(...found.map(({ losses }) => spreadOf(losses)))
  return [
    `equal ranks: ${found.map(({ name }) => name).join(', ')} end ${apart.toFixed(3)} nats apart; seeds spread by ${spread.toFixed(3)}`,
  ]
}

function againstAlone({ ranks, alone, rows }: LearningGroup): readonly string[] {
  if (rows.length === 0) return []
  const worse = rows.filter(({ losses }) => losses.some((loss, at) => loss >= (alone[at] as number)))
  const title = `ranks ${[...new Set(ranks)].join(', ')}`
  return [
    worse.length === 0
      ? `${title}: all end below the average agent alone, in every seed`
      : `${title}: not below the average agent alone in every seed: ${worse.map(({ strategy }) => strategy).join(', ')}`,
  ]
}
