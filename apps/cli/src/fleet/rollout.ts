import { readFile } from 'node:fs/promises'
import {
  LoricaError,
  parseRolloutSpec,
  type RolloutDetail,
  type RolloutPreview,
  type RolloutView,
} from '@lorica/protocol'
import { Command } from 'commander'
import { parse } from 'yaml'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { agrees } from '../screen/consent.js'
import { duration, table } from '../screen/format.js'
import { type ApiOptions, type CreateOptions, createApi } from './api.js'
import { moveAlias } from './release-aliases.js'
import { rolloutLines } from './rollout-lines.js'
import { watchRollout } from './rollout-watch.js'
import { withApi, withKey } from './run.js'
import { whyUnread } from './run-file.js'

interface StartOptions extends CreateOptions {
  readonly file?: string
  readonly wait?: boolean
}

interface VerbOptions extends ApiOptions {
  readonly full?: boolean
  readonly to?: string
  readonly yes?: boolean
}

const plans = `
A plan is what a run file has under rollout, in a file of its own; without one the default plan is used:
  groups: [1, 10%, 50%, 100%]                      # or { size: 100%, where: 'label.site == oslo', name: Oslo }
  success: { threshold: 95%, then: next }          # or pause
  error: { threshold: 5%, minExecuted: 10, then: rollback }
  soak: 10m
  analysis: [{ metric: loss, worseBy: 1% }, { metric: failures }, { metric: latency }]
  rate: { perMinute: 50, atOnce: 20 }              # how fast the agents of a group are told; all at once without it
  webhooks:                                        # by the names that the coordinator has for them
    - { hook: ci, gate: before-group }             # or after-group; it answers proceed, halt or inconclusive
    - { hook: chat, tell: [paused, done, aborted, undone] }
  watch: 24h                                       # after everybody has it; losses are measured anew after measureEvery: 1h`

const watching = `
With --json the first line is {"type":"rollout",…}, the rollout as it is with its history; then a line each for steps of its story ("type":"step"), groups ("group"),
metrics ("metric") and agents ("agent") that changed; the last is {"type":"end",…}, the rollout as it ended.
Exit status: 0 everybody has the release, 1 it went back or waits for a person.`

/** `lorica rollout`: releases that reach the fleet in groups, and go back by themselves. */
export function rolloutCommand(): Command {
  const rollout = new Command('rollout').description(
    'give a release to the fleet in groups, and take it back',
  )
  runs(
    withKey(withApi(rollout.command('start <release>').description('begin a rollout of a release')))
      .option('-f, --file <plan.yaml>', 'the plan')
      .option('--wait', 'stay until it has ended')
      .addHelpText('after', plans),
    start,
  )
  runs(
    withApi(
      rollout
        .command('plan <release>')
        .description('the groups as they would be now, without starting anything'),
    ).option('-f, --file <plan.yaml>', 'the plan'),
    async (options: StartOptions, output, [release]) => {
      const body = { release: needed(release, '<release>'), ...(await planIn(options.file)) }
      const preview = await createApi(options).post<RolloutPreview>('/api/v1/rollouts/plan', body)
      output.result(preview, [...previewLines(preview), ...timeLines(preview, body.plan)])
    },
  )
  runs(
    withApi(
      rollout
        .command('watch [rollout]')
        .description(
          'follow a rollout live until it has ended or waits for a person (the newest one unless named)',
        ),
    ).addHelpText('after', watching),
    async (options: ApiOptions, output, [id = 'latest']) => {
      const view = await watchRollout(options, id, output, { tellsEvents: true })
      if (output.json) output.event({ type: 'end', ...view })
      finish(view, output, output.json)
    },
    'print a line of JSON for each thing that happens',
  )
  const verbs = [
    ['approve', 'let a rollout begin that waits for a person'],
    ['promote', 'go on: what is open counts as good'],
    ['pause', 'open no further group; agents stay as they are'],
    ['resume', 'go on after a pause, and wait for what it waited for'],
    ['abort', 'end it: every agent goes back to the release before'],
    ['retry', 'try again: the group that is paused, or an aborted rollout from its first group'],
    ['undo', 'go back after everybody had it; agents kept the release before, so nothing is downloaded'],
  ] as const
  for (const [verb, description] of verbs) {
    const command = withApi(rollout.command(`${verb} [rollout]`).description(description))
    if (verb === 'promote')
      command.option('--full', 'and open all groups that are left, one after the other, without a soak')
    if (verb === 'undo') command.option('--to <release>', 'go back to this release instead')
    if (verb === 'abort' || verb === 'undo') command.option('--yes', 'do not ask')
    runs(command, async (options: VerbOptions, output, [id = 'latest']) => {
      const api = createApi(options)
      if (verb === 'undo' && options.to !== undefined) {
        if (!(await agrees(`give ${options.to} to every agent`, options.yes))) return
        const moved = await moveAlias(api, 'champion', { release: options.to })
        return output.result(moved, [`every agent goes to ${moved.release}`])
      }
      const seen = await api.get<RolloutDetail>(`/api/v1/rollouts/${encodeURIComponent(id)}`)
      const isUndoing = verb === 'abort' || verb === 'undo'
      if (isUndoing && !(await agrees(`${verb} ${shownAs(seen)}`, options.yes))) return
      const body = verb === 'promote' ? { full: options.full === true } : {}
      const path = `/api/v1/rollouts/${encodeURIComponent(seen.rollout)}/${verb}`
      const view = await api.post<RolloutDetail>(path, body, headersFor(verb, seen))
      output.result(view, rolloutLines(view))
    })
  }
  runs(
    withApi(
      rollout.command('history [rollout]').description('all rollouts, or the story of one with its evidence'),
    ),
    history,
  )
  return rollout
}

const shownAs = ({ rollout, previous, release, state, group, groups }: RolloutDetail): string =>
  `${rollout}, ${previous} -> ${release}, ${state} at group ${group} of ${groups.length}`

/** Orders that go on count only while the rollout is where it was seen; those that stop an open one at any step. */
function headersFor(
  verb: string,
  { tag, endedAt }: RolloutDetail,
): Readonly<Record<string, string>> | undefined {
  const isUrgent = verb === 'pause' || verb === 'abort' || (verb === 'undo' && endedAt === null)
  return isUrgent ? undefined : { 'if-match': `"${tag}"` }
}

type Output = Parameters<Parameters<typeof runs>[1]>[1]

async function start(options: StartOptions, output: Output, [release]: readonly string[]): Promise<void> {
  const api = createApi(options)
  const body = { release: needed(release, '<release>'), ...(await planIn(options.file)) }
  const view = await api.create<RolloutDetail>('/api/v1/rollouts', body, options.key)
  if (options.wait === true)
    return finish(await watchRollout(options, view.rollout, output, { tellsEvents: false }), output)
  const [begun] = view.history
  output.result(view, [
    begun?.text ?? '',
    ...rolloutLines(view),
    '',
    `follow it: lorica rollout watch ${view.rollout}`,
  ])
}

function finish(view: RolloutDetail, output: Output, isTold = false): void {
  if (!isTold) output.result(view, rolloutLines(view))
  if (view.state !== 'done') process.exitCode = 1
}

async function history(options: ApiOptions, output: Output, [id]: readonly string[]): Promise<void> {
  const api = createApi(options)
  if (id !== undefined) {
    const detail = await api.get<RolloutDetail>(`/api/v1/rollouts/${encodeURIComponent(id)}`)
    return output.result(detail, [...rolloutLines(detail), '', ...storyLines(detail)])
  }
  const { rollouts } = await api.all<{ readonly rollouts: readonly RolloutView[] }>(
    '/api/v1/rollouts',
    'rollouts',
  )
  const rows = rollouts.map(({ rollout, release, previous, state, group, groups, createdAt, reason }) => [
    ...[rollout, `${previous} -> ${release}`, state, `${group}/${groups.length}`, createdAt, reason ?? ''],
  ])
  output.result(
    { rollouts },
    rows.length === 0
      ? ['no rollouts yet: lorica rollout start v2']
      : table([['rollout', 'release', 'state', 'groups', 'started', 'why'], ...rows]),
  )
}

function storyLines({ history: lines }: RolloutDetail): readonly string[] {
  return lines.flatMap(({ at, text, evidence }) => [
    `${at}  ${text}`,
    ...(evidence ?? []).map((metric) => `${' '.repeat(26)}${metric.text}`),
  ])
}

function previewLines({ release, previous, groups, notes }: RolloutPreview): readonly string[] {
  return [
    `${previous} -> ${release}`,
    ...groups.map(
      ({ name, agents }, at) =>
        `  group ${at + 1} (${name}): ${agents.length} ${agents.length === 1 ? 'agent' : 'agents'}: ${shortened(agents)}`,
    ),
    ...notes.map((note) => `  ${note}`),
  ]
}

/** How long it takes where nothing goes wrong, as the plan says. */
function timeLines({ release, groups }: RolloutPreview, plan: unknown): readonly string[] {
  const { soakMs, watchMs } = parseRolloutSpec(plan)
  const [soak, watch] = [duration(soakMs / 1000), duration(watchMs / 1000)]
  const total = duration((groups.length * soakMs) / 1000)
  return [
    `  each group is compared for ${soak} before the next: about ${total} until all have it, then a watch of ${watch} (soak and watch of a plan)`,
    '',
    `begin it: lorica rollout start ${release}`,
  ]
}

function shortened(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ')
  return names.length <= 8 ? shown : `${shown} and ${names.length - 8} more`
}

/** A plan file as the coordinator takes it, checked here first. */
async function planIn(path: string | undefined): Promise<{ readonly plan?: unknown }> {
  if (path === undefined) return {}
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new LoricaError('LRC-8003', `plan file "${path}" cannot be read`, {
      received: whyUnread(cause),
      cause,
    })
  })
  try {
    const plan: unknown = parse(text)
    parseRolloutSpec(plan)
    return { plan }
  } catch (cause) {
    if (cause instanceof LoricaError) throw cause
    throw new LoricaError('LRC-3020', `plan file "${path}" is not YAML`, {
      received: (cause as Error).message.split('\n')[0],
      cause,
    })
  }
}
