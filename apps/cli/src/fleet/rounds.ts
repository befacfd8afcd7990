import {
  type AgentInRound,
  type AttemptView,
  codes,
  type RoundSummary,
  type RoundView,
  type SumView,
} from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, count, duration, table } from '../screen/format.js'
import { aggregationLines, measuredLines, percent } from './aggregation-lines.js'
import { type ApiOptions, createApi } from './api.js'
import { expenseText } from './expense.js'
import { guardLines } from './guard-lines.js'
import { withApi } from './run.js'

interface WhyOptions extends ApiOptions {
  readonly why?: boolean
}

interface Rounds {
  readonly run: string
  readonly rounds: readonly RoundSummary[]
}

/** `lorica rounds`: what happened in each round of a run, and to each agent in it. */
export function roundsCommand(): Command {
  const rounds = new Command('rounds').description('what happened in the rounds of a run, and why')
  runs(
    withApi(
      rounds.command('list <run>').description('the rounds of a run, by its id or name, oldest first'),
    ).option('--why', 'also the reasons of what was not released and of seats that brought nothing'),
    async (options: WhyOptions, output, [run]) => {
      const found = await createApi(options).all<Rounds>(pathOf(needed(run, '<run>')), 'rounds')
      output.result(found, listLines(found, options.why === true))
    },
  )
  runs(
    withApi(rounds.command('show <run> <round>').description('one round with every attempt at it')).option(
      '--why',
      'what became of each agent: invited or not and why, trained, moved, accepted, carried to the next round, refused, declined or absent',
    ),
    async (options: WhyOptions, output, [run, round]) => {
      const path = `${pathOf(needed(run, '<run>'))}/${encodeURIComponent(needed(round, '<round>'))}`
      const view = await createApi(options).get<RoundView>(path)
      output.result(view, showLines(view, options.why === true))
    },
  )
  return rounds
}

const pathOf = (run: string): string => `/api/v1/runs/${encodeURIComponent(run)}/rounds`

function listLines({ run, rounds }: Rounds, isWhy: boolean): readonly string[] {
  if (rounds.length === 0) return [`run ${run} has planned no round yet: lorica run show ${run}`]
  const isTold = rounds.some((round) => expenseText(round) !== '')
  const rows = rounds.map((round) => [
    String(round.round),
    round.state,
    round.release ?? '-',
    `${round.accepted}/${round.seats}`,
    String(round.attempts),
    round.loss?.toFixed(4) ?? '-',
    percent(round.error),
    bytes(round.bytesUp),
    bytes(round.bytesDown),
    elapsed(round.plannedAt, round.endedAt),
    ...(isTold ? [expenseText(round)] : []),
  ])
  const head = [
    'round',
    'state',
    'release',
    'updates',
    'attempts',
    'loss',
    'off',
    'up',
    'down',
    'time',
    ...(isTold ? ['took'] : []),
  ]
  const why = rounds.flatMap(({ round, reason, reasons }) => {
    const texts = [...(reason === null ? [] : [reason]), ...reasons.map(reasonText)]
    return texts.map((text) => `round ${round}: ${text}`)
  })
  return [
    ...table([head, ...rows]),
    ...(isWhy && why.length > 0 ? ['', ...why] : []),
    '',
    `one of them: lorica rounds show ${run} ${rounds.at(-1)?.round}`,
  ]
}

function showLines(view: RoundView, isWhy: boolean): readonly string[] {
  const outcome = view.release === null ? view.state : `${view.state} as ${view.release}`
  const loss = view.loss === null ? '' : `, loss ${view.loss.toFixed(4)}`
  const expense = expenseText(view)
  return [
    `round ${view.round} of ${view.run}: ${outcome}${loss}`,
    ...(expense === '' ? [] : [`  took ${expense}`]),
    ...(view.aggregation === null ? [] : aggregationLines(view.aggregation)),
    ...guardLines(view.guards),
    ...view.attempts.flatMap((attempt) => ['', ...attemptLines(attempt, isWhy)]),
    ...(isWhy && view.aggregation !== null ? measuredLines(view.aggregation) : []),
    ...(isWhy ? [] : ['', `what became of each agent: lorica rounds show ${view.run} ${view.round} --why`]),
  ]
}

function attemptLines(attempt: AttemptView, isWhy: boolean): readonly string[] {
  const { minimum, goal, plannedAt, endedAt, reason, reasons, agents, bystandersNotNamed } = attempt
  const accepted = agents.filter(({ fate }) => fate === 'accepted').length
  const wanted = `needs ${minimum}${goal === null ? '' : `, goal ${goal}`}`
  const hasRanks = agents.some(({ rank }) => rank !== null)
  const rows = agents.map((agent) => [
    agent.name,
    agent.fate,
    ...(hasRanks ? [String(agent.rank ?? '-')] : []),
    agent.trainSeconds === null ? '-' : duration(agent.trainSeconds),
    agent.lossFirst === null ? '-' : `${agent.lossFirst.toFixed(3)} > ${agent.lossLast?.toFixed(3)}`,
    bytes(agent.bytesUp),
    bytes(agent.bytesDown),
  ])
  const head = ['agent', 'fate', ...(hasRanks ? ['rank'] : []), 'trained', 'loss', 'up', 'down']
  const lines = table([head, ...rows]).map((line, at) =>
    `${line}  ${at === 0 ? '' : whyOf(agents[at - 1]!)}`.trimEnd(),
  )
  return [
    `attempt ${attempt.attempt}: ${attempt.state}, ${accepted} updates (${wanted}), ${elapsed(plannedAt, endedAt)}`,
    ...(reason === null ? [] : [`  ${reason}`]),
    ...(attempt.sum === undefined ? [] : sumLines(attempt.sum)),
    ...reasons.map((one) => `  ${reasonText(one)}`),
    ...(isWhy ? ['', ...lines] : []),
    ...(isWhy && bystandersNotNamed > 0 ? [`and ${count(bystandersNotNamed)} more without a seat`] : []),
  ]
}

function sumLines(sum: SumView): readonly string[] {
  const steps = `  summed unseen: ${sum.keys} agents with keys, ${sum.shares} with shares, ${sum.survivors} in the sum, ${sum.confirmations} confirmed it`
  if (sum.ms === null || sum.plainBytes === 0) return [steps]
  const ratio = (sum.bytesUp + sum.bytesDown) / sum.plainBytes
  const cost = `  it took ${duration(sum.ms / 1000)}, ${duration((sum.unmaskMs ?? 0) / 1000)} of it to take the masks off; ${bytes(sum.bytesUp)} up, ${bytes(sum.bytesDown)} down: ${ratio.toFixed(2)} of the same updates in the clear`
  return [steps, cost]
}

function whyOf({ fate, code, message, waiting, progress, late }: AgentInRound): string {
  const stands = waiting === null ? '' : `waiting: ${waiting}`
  const last =
    progress === null || fate === 'accepted' ? '' : `last known: ${progress.phase} ${progressText(progress)}`
  const why = [code, message].filter((part) => part !== null).join(' ')
  const since =
    late === null || late === undefined ? '' : `since round ${late.round}, ${behind(late.staleness)}`
  return [why, since, stands, last].filter((part) => part !== '').join('; ')
}

const behind = (staleness: number): string =>
  staleness === 0
    ? 'no release behind'
    : `${count(staleness)} ${staleness === 1 ? 'release' : 'releases'} behind`

function progressText({ phase, step, steps, at }: NonNullable<AgentInRound['progress']>): string {
  const isBytes = phase === 'upload' || phase === 'download'
  return `${isBytes ? `${bytes(step)} of ${bytes(steps)}` : `${step} of ${steps}`} at ${at}`
}

function reasonText({ kind, code, count: times }: AttemptView['reasons'][number]): string {
  const { title } = (codes as Readonly<Record<string, { readonly title: string }>>)[code] ?? {
    title: 'another reason',
  }
  return `${times} ${kind}: ${code} ${title}`
}

function elapsed(from: string, to: string | null): string {
  return to === null ? 'open' : duration((Date.parse(to) - Date.parse(from)) / 1000)
}
