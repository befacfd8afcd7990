import {
  type LearningGroup,
  type LearningResult,
  type LearningRow,
  meanOf,
  spreadOf,
} from './bench-learning.js'
import type { LearningStrategy } from './learning-strategies.js'

/** What releases the mean of the agents’ changes itself, svd as far as the rank holds it, and trains both factors in every round. */
const exact: readonly LearningStrategy[] = ['svd', 'fedex', 'flora']

/** What the figures show, in sentences; whatever they show. */
export function findings({ mixed, equal, doubled }: LearningResult): readonly string[] {
  return [
    ...againstPadding(mixed),
    ...apart('equal ranks', exactIn(equal)),
    ...(doubled.rows.length === 0 ? [] : apart('about as much sent', [...exactIn(equal), ...doubled.rows])),
    ...[mixed, equal, doubled].flatMap(againstAlone),
  ]
}

const exactIn = ({ rows }: LearningGroup): readonly LearningRow[] =>
  rows.filter(({ strategy }) => exact.includes(strategy))

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

/** How far strategies end from each other, beside how far the seeds of one do. */
function apart(title: string, rows: readonly LearningRow[]): readonly string[] {
  if (rows.length < 2) return []
  const means = rows.map(({ losses }) => meanOf(losses))
  const range = Math.max(...means) - Math.min(...means)
  const spread = Math.max(...rows.map(({ losses }) => spreadOf(losses)))
  return [
    `${title}: ${rows.map(({ strategy }) => strategy).join(', ')} end ${range.toFixed(3)} nats apart; seeds spread by ${spread.toFixed(3)}`,
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
