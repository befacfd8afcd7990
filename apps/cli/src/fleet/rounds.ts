import {
  type AgentInRound,
  type AggregationView,
  type AttemptView,
  codes,
  type RoundSummary,
  type RoundView,
  type RuleView,
  type SideView,
} from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, count, duration, table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'
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
      const found = await createApi(options).get<Rounds>(pathOf(needed(run, '<run>')))
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
  const rows = rounds.map((round) => [
    String(round.round),
    round.state,
    round.release ?? '-',
    `${round.accepted}/${round.seats}`,
    String(round.attempts),
    round.loss?.toFixed(4) ?? '-',
    share(round.error),
    bytes(round.bytesUp),
    bytes(round.bytesDown),
    elapsed(round.plannedAt, round.endedAt),
  ])
  const head = ['round', 'state', 'release', 'updates', 'attempts', 'loss', 'off', 'up', 'down', 'time']
  const why = rounds.flatMap(({ round, reason, reasons }) => {
    const texts = [...(reason === null ? [] : [reason]), ...reasons.map(reasonText)]
    return texts.map((text) => `round ${round}: ${text}`)
  })
  return [...table([head, ...rows]), ...(isWhy && why.length > 0 ? ['', ...why] : [])]
}

function showLines(view: RoundView, isWhy: boolean): readonly string[] {
  const outcome = view.release === null ? view.state : `${view.state} as ${view.release}`
  const loss = view.loss === null ? '' : `, loss ${view.loss.toFixed(4)}`
  return [
    `round ${view.round} of ${view.run}: ${outcome}${loss}`,
    ...(view.aggregation === null ? [] : aggregationLines(view.aggregation, isWhy)),
    ...view.attempts.flatMap((attempt) => ['', ...attemptLines(attempt, isWhy)]),
    ...(isWhy ? [] : ['', `what became of each agent: lorica rounds show ${view.run} ${view.round} --why`]),
  ]
}

/** How the candidate was made, and how far it and plain averaging are from the exact mean of the updates. */
function aggregationLines(view: AggregationView, isWhy: boolean): readonly string[] {
  const { agents, modules, notes } = view
  const { optimizer, side } = view
  const then =
    optimizer === undefined ? [] : [`then a step of ${optimizer}: the figures are of the aggregate before it`]
  const beside = side === undefined ? [] : [sideLine(side)]
  const heading = [summaryOf(view), ...beside, ...then, ...notes, ...(view.rule ? ruledLines(view.rule) : [])]
  if (!isWhy) return heading
  const byAgent = table([
    ['agent', 'share', 'change', 'cosine with the mean'],
    ...agents.map((one) => [one.name, share(one.share), figure(one.change), cosine(one.cosine)]),
  ])
  const byModule = table([
    ['module', 'rank', 'change', 'off', 'averaging', 'agreement'],
    ...modules.map((one) => [
      ...[one.module, String(one.rank), figure(one.change), share(one.error), share(one.averagedError)],
      cosine(one.agreement?.mean ?? null),
    ]),
  ])
  return [...heading, '', ...byAgent, ...(modules.length === 0 ? [] : ['', ...byModule])]
}

/** The frozen part of a candidate, and what the bound of the run left out of it. */
function sideLine({ rank, maxRank, dropped }: SideView): string {
  const lost = dropped === 0 ? '' : `, which left out ${share(dropped)} of their energy`
  return `beside what is trained: frozen factors of rank ${rank}, at most ${maxRank}${lost}`
}

function summaryOf({ strategy, error, averagedError, agreement, rule }: AggregationView): string {
  const name = rule ? `${strategy} after ${rule.rule}` : strategy
  if (rule && error === null) return `${name}: each value is the rule's, and stands beside no mean`
  if (error === null && averagedError === null)
    return `${name}: what agents send is a part of what they train, and stands beside no mean`
  const agree =
    agreement === null ? '' : `; updates agree ${cosine(agreement.mean)}, least ${cosine(agreement.least)}`
  const from = rule ? 'the sum that the rule decided' : 'the exact mean'
  return `${name}: ${share(error)} off ${from}, averaging A and B ${share(averagedError)}${agree}`
}

/** Whom a robust rule left out, and whom it counts as less, with the lengths of their changes. */
function ruledLines({ agents, share: before, start }: RuleView): readonly string[] {
  const wording = (weight: number) => (weight === 0 ? 'left out' : `counts ${share(weight)}`)
  const less = agents.flatMap(({ name, weight, norm }) =>
    weight === null || weight >= before * (1 - SAME)
      ? []
      : [`${name}: ${wording(weight)} instead of ${share(before)}, change ${figure(norm)}`],
  )
  return [...less, ...(Math.abs(start) < SAME ? [] : [`the adapter before counts ${share(start)}`])]
}

const SAME = 1e-9

const share = (value: number | null): string => (value === null ? '-' : `${(100 * value).toPrecision(3)} %`)
const figure = (value: number | null): string => (value === null ? '-' : value.toPrecision(4))
const cosine = (value: number | null): string => (value === null ? '-' : value.toFixed(3))

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
    ...reasons.map((one) => `  ${reasonText(one)}`),
    ...(isWhy ? ['', ...lines] : []),
    ...(isWhy && bystandersNotNamed > 0 ? [`and ${count(bystandersNotNamed)} more without a seat`] : []),
  ]
}

function whyOf({ code, message, waiting, progress, late }: AgentInRound): string {
  const stands = waiting === null ? '' : `waiting: ${waiting}`
  const last = progress === null ? '' : `last known: ${progress.phase} ${progressText(progress)}`
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
