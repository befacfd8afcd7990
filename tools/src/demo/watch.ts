import type { RunEvent, RunView } from '@lorica/protocol'
import { type Federation, runEvents, showRun } from './federation.js'
import type { Recipe } from './recipe.js'
import { bar, kilobytes, type Screen, seconds } from './screen.js'

interface Lane {
  readonly name: string
  readonly text: string
}

/** Shows a run while it goes on and returns how it ended. */
export async function watchRun(
  federation: Federation,
  run: string,
  recipe: Recipe,
  screen: Screen,
): Promise<RunView> {
  const lanes = new Map<string, Lane>()
  const startedMs = performance.now()
  let bytes = 0
  let committed = 0
  for await (const event of runEvents(federation, run)) {
    if (event.type === 'progress') {
      lanes.set(event.name, { name: event.name, text: laneText(event) })
      const share = (committed + (event.phase === 'train' ? event.step / event.steps : 0)) / recipe.rounds
      const left = share > 0.02 ? seconds(((performance.now() - startedMs) / 1000) * (1 / share - 1)) : '…'
      const head = `round ${event.round}/${recipe.rounds}  ${bar(share)}  ${kilobytes(bytes)} moved  ${left} left`
      const named = [...lanes.values()].sort((a, b) => a.name.localeCompare(b.name))
      screen.live([head, ...named.map(({ name, text }) => `  ${name}  ${text}`)])
    } else if (event.type === 'round-committed') {
      const { record } = event
      committed = record.round
      bytes += record.bytesUp + record.bytesDown
      const overhead = `${Math.round(record.overheadSeconds * 1000)} ms beyond training`
      screen.line(
        `  round ${String(record.round).padStart(2)}  ${record.release ?? record.verdict}  loss ${record.loss?.toFixed(3) ?? '-'}  ${record.contributions.length} updates  ${kilobytes(record.bytesUp)} up  ${record.seconds.toFixed(1)} s (${overhead})`,
      )
    } else if (event.type === 'update-refused' || event.type === 'agent-declined') {
      screen.line(`  ${event.name}: ${event.code} ${event.message}`)
    } else if (event.type === 'round-failed') {
      screen.line(`  round ${event.round} failed: ${event.reason}`)
    }
  }
  return await showRun(federation, run)
}

function laneText(event: Extract<RunEvent, { type: 'progress' }>): string {
  if (event.phase !== 'train') return event.phase
  const speed =
    event.tokensPerSecond === null
      ? ''
      : `${Math.round(event.tokensPerSecond).toLocaleString('en-US')} tokens/s`
  return `step ${String(event.step).padStart(3)}/${event.steps}  loss ${event.loss?.toFixed(3) ?? '-'}  ${speed}`
}
