import type { ReleaseView, RunView } from '@lorica/protocol'
import { Command } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count, duration, table } from '../screen/format.js'
import { type Api, type ApiOptions, type CreateOptions, createApi } from './api.js'
import { planCommand } from './plan.js'
import { promiseOf } from './promise.js'
import { replayCommand } from './replay.js'
import { readRunFile } from './run-file.js'
import { guardsOfRunLines, lastCandidateOf } from './run-show.js'
import { sentText } from './sent.js'
import { watchRun } from './watch.js'

interface StartOptions extends CreateOptions {
  readonly file?: string
  readonly wait?: boolean
}

const scheduling = `
A run with a schedule, such as { cron: '0 22 * * 1-5', timeZone: Europe/Oslo, window: 8h }, opens rounds only inside its windows.
It runs once: rounds that are left wait for the next window, and an open round ends normally.`

/** `lorica run`: federated runs. */
export function runCommand(): Command {
  const run = new Command('run').description('start and follow federated runs')
  runs(
    withKey(withApi(run.command('start').description('start a run from a run file')))
      .requiredOption('-f, --file <run.yaml>', 'the run file')
      .option('--wait', 'stay until it has ended')
      .addHelpText('after', scheduling),
    start,
  )
  planCommand(withApi(run.command('plan')))
  replayCommand(withApi(run.command('replay <run>')))
  runs(
    withApi(run.command('watch <run>').description('follow a run live')),
    async (options: ApiOptions, output, [id]) => {
      const api = createApi(options)
      const view = await watchRun(api, needed(id, '<run>'), output)
      output.result(summaryOf(view), [...summaryLines(view), ...nextLines(view)])
    },
  )
  runs(
    withApi(run.command('list').description('all runs, oldest first, and what those wait for that do')),
    async (options: ApiOptions, output) => {
      const { runs: views } = await createApi(options).all<{ readonly runs: readonly RunView[] }>(
        '/api/v1/runs',
        'runs',
      )
      const rows = views.map((view) => [
        view.run,
        view.name,
        view.state,
        String(view.rounds.length),
        view.release ?? '-',
      ])
      output.result(
        { runs: views },
        views.length === 0
          ? ['no runs yet: lorica run start -f run.yaml']
          : table([['run', 'name', 'state', 'rounds', 'release'], ...rows]).map((line, at) => {
              const view = views[at - 1]
              return view === undefined || view.endedAt !== null || view.reason === null
                ? line
                : `${line}  ${view.reason}`
            }),
      )
    },
  )
  runs(
    withApi(
      run
        .command('show <run>')
        .description('one run with its rounds, what its guards are told, and what they found last'),
    ),
    async (options: ApiOptions, output, [id]) => {
      const api = createApi(options)
      const view = await api.get<RunView>(`/api/v1/runs/${encodeURIComponent(needed(id, '<run>'))}`)
      const lastCandidate = await lastCandidateOf(api, view)
      output.result({ ...view, lastCandidate }, [
        ...summaryLines(view),
        ...guardsOfRunLines(view, lastCandidate),
        ...nextLines(view),
      ])
    },
  )
  runs(
    withApi(run.command('cancel <run>').description('end a run; its releases stay')),
    async (options: ApiOptions, output, [id]) => {
      const view = await createApi(options).post<RunView>(`/api/v1/runs/${needed(id, '<run>')}/cancel`, {})
      output.result(view, [`run ${view.run} is ${view.state}`])
    },
  )
  for (const [verb, description] of [
    ['pause', 'open no new round; an open one ends normally'],
    ['resume', 'open rounds again'],
  ] as const) {
    runs(
      withApi(run.command(`${verb} <run>`).description(description)),
      async (options: ApiOptions, output, [id]) => {
        const path = `/api/v1/runs/${encodeURIComponent(needed(id, '<run>'))}/${verb}`
        const view = await createApi(options).post<RunView>(path, {})
        output.result(view, [
          `run ${view.run} is ${view.state}${view.reason === null ? '' : `: ${view.reason}`}`,
        ])
      },
    )
  }
  for (const [verb, description] of [
    ['approve', 'release a candidate that its guards left to a person'],
    ['reject', 'do not release it; the run goes on from the adapter before'],
  ] as const) {
    runs(
      withApi(run.command(`${verb} <run>`).description(description)).option(
        '--reason <text>',
        'why, for those who read the journal',
      ),
      async (options: ApiOptions & { readonly reason?: string }, output, [id]) => {
        const path = `/api/v1/runs/${encodeURIComponent(needed(id, '<run>'))}/${verb}`
        const { reason } = options
        const view = await createApi(options).post<RunView>(path, reason === undefined ? {} : { reason })
        output.result(view, [`run ${view.run} goes on: lorica run watch ${view.run}`])
      },
    )
  }
  runs(
    run
      .command('lint')
      .description('check a run file without a coordinator')
      .requiredOption('-f, --file <run.yaml>', 'the run file'),
    async (options: StartOptions, output) => {
      const spec = await readRunFile(needed(options.file, '-f run.yaml'))
      output.result(spec, [
        `${options.file}: a run named ${spec.name}, ${spec.rounds.count} rounds of ${spec.local.steps} steps`,
      ])
    },
  )
  return run
}

export function withApi(command: Command): Command {
  return command
    .option('--url <url>', 'address of the coordinator (or LORICA_URL)')
    .option('--token <token>', 'admin token of the coordinator (or LORICA_TOKEN)')
}

/** `--key` of commands that create something. */
export function withKey(command: Command): Command {
  return command.option(
    '--key <key>',
    'names this request, for scripts: given again with the same key it answers with what it made the first time',
  )
}

async function start(
  options: StartOptions,
  output: Parameters<Parameters<typeof runs>[1]>[1],
): Promise<void> {
  const api = createApi(options)
  const spec = await readRunFile(needed(options.file, '-f run.yaml'))
  const { run } = await api.create<{ readonly run: string }>('/api/v1/runs', spec, options.key)
  if (options.wait !== true) {
    output.result({ run }, [`run ${run} started`, `  follow it: lorica run watch ${run}`])
    return
  }
  output.line(
    `run ${run} started; Ctrl-C ends the watching only, and lorica run watch ${run} takes it up again`,
  )
  const view = await watchRun(api, run, output)
  output.result(summaryOf(view), [...summaryLines(view), ...(await promiseIn(api, view)), ...nextLines(view)])
  if (view.state !== 'succeeded') process.exitCode = 1
}

/** The promise of the newest release of a run; nothing where it has none. */
async function promiseIn(api: Api, { release }: RunView): Promise<readonly string[]> {
  if (release === null) return []
  return promiseOf((await api.get<ReleaseView>(`/api/v1/releases/${release}`)).manifest)
}

/** What scripts rely on: `run start --wait --json` and `run watch --json`. */
function summaryOf(view: RunView): unknown {
  const { run, state, reason, release, adapterSha256, rounds, baseline, final } = view
  return { run, state, reason, release, adapterSha256, baseline, final, rounds }
}

function summaryLines(view: RunView): readonly string[] {
  const rows = view.rounds.map((record) => [
    String(record.round),
    record.release ?? record.verdict,
    String(record.contributions.length),
    record.loss?.toFixed(4) ?? '-',
    sentText(record),
    duration(record.seconds),
    `${count(record.overheadSeconds * 1000)} ms`,
  ])
  const reason = view.reason === null ? '' : `: ${view.reason}`
  return [
    `run ${view.run} (${view.name}) ${view.state}${reason}`,
    '',
    ...(rows.length === 0
      ? ['no round is committed yet']
      : table([['round', 'release', 'agents', 'loss', 'sent', 'time', 'overhead'], ...rows])),
  ]
}

/** What a person may do with what a run made, or with one that goes on. */
function nextLines({ run, release, endedAt, rounds }: RunView): readonly string[] {
  const made =
    release === null || rounds.length === 0
      ? []
      : [
          `look at it: lorica releases show ${release}`,
          `export it: lorica releases export ${release} --out my-adapter`,
          `give it to the fleet: lorica rollout start ${release}`,
        ]
  const next = endedAt === null ? [`follow it: lorica run watch ${run}`] : made
  return next.length === 0 ? [] : ['', ...next]
}
