import type { ReplayView, RunView } from '@lorica/protocol'
import type { Command } from 'commander'
import { needed, positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'

interface ReplayOptions extends ApiOptions {
  readonly round?: number
}

/** `lorica run replay`: whether the aggregates of a run can be computed again from its accepted updates, to the same bytes. */
export function replayCommand(command: Command): void {
  runs(
    command
      .description(
        'aggregate the rounds of a run once more from their accepted updates, and compare the bytes',
      )
      .option('--round <n>', 'this round only', positiveInteger)
      .addHelpText('after', '\nExit code 1 when a round gives other bytes than were recorded.'),
    async (options: ReplayOptions, output, [id]) => {
      const api = createApi(options)
      const path = `/api/v1/runs/${encodeURIComponent(needed(id, '<run>'))}`
      const { run, rounds } = await api.get<RunView>(path)
      const numbers = options.round === undefined ? rounds.map(({ round }) => round) : [options.round]
      const replayed: ReplayView[] = []
      for (const number of numbers) {
        output.progress(`round ${number}, ${replayed.length + 1} of ${numbers.length} …`)
        replayed.push(await api.post<ReplayView>(`${path}/rounds/${number}/replay`, {}))
      }
      const isSame = replayed.every((round) => round.isSame)
      output.result({ run, isSame, rounds: replayed }, linesOf(run, replayed))
      if (!isSame) process.exitCode = 1
    },
  )
}

function replayText({ isSame, recomputedSha256, noise }: ReplayView): string {
  if (noise === undefined) return isSame ? 'the same' : `other: ${recomputedSha256.slice(0, 16)}`
  const found = `noise of norm ${noise.norm.toPrecision(4)}, ${noise.expectedNorm.toPrecision(4)} was drawn`
  return isSame ? `the same but for ${found}` : `other: ${found}`
}

function linesOf(run: string, replayed: readonly ReplayView[]): readonly string[] {
  if (replayed.length === 0) return [`run ${run} has committed no round yet: lorica rounds list ${run}`]
  const rows = replayed.map((view) => [
    ...[String(view.round), view.release ?? '-', String(view.updates), view.recordedSha256.slice(0, 16)],
    replayText(view),
  ])
  const wrong = replayed.filter(({ isSame }) => !isSame).length
  const same = replayed.some(({ noise }) => noise !== undefined)
    ? 'the same again, but for their noise'
    : 'the same bytes again'
  const all = `all ${replayed.length} rounds of ${run} give ${same}`
  const summary = wrong === 0 ? all : `${wrong} of ${replayed.length} rounds of ${run} give other bytes`
  return [...table([['round', 'release', 'updates', 'recorded', 'computed again'], ...rows]), '', summary]
}
