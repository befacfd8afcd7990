import type { PlanView } from '@lorica/protocol'
import type { Command } from 'commander'
import { roundedUp } from '../privacy/steps.js'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, count, duration, table } from '../screen/format.js'
import { type ApiOptions, createApi } from './api.js'
import { readRunFile } from './run-file.js'

/** `lorica run plan`: who would take part in a run, and what it would move, before anything runs. */
export function planCommand(command: Command): void {
  command
    .description('who would take part, who would not and why, and what would be moved; starts nothing')
    .requiredOption('-f, --file <run.yaml>', 'the run file')
    .addHelpText('after', '\nExit status: 0 enough agents for a first round, 1 too few, 2 wrong arguments.')
  runs(command, async (options: ApiOptions & { readonly file?: string }, output) => {
    const spec = await readRunFile(needed(options.file, '-f run.yaml'))
    const plan = await createApi(options).post<PlanView>('/api/v1/runs/plan', spec)
    output.result(plan, linesOf(plan, options.file ?? 'run.yaml'))
    if (!plan.ready) process.exitCode = 1
  })
}

function linesOf(plan: PlanView, file: string): readonly string[] {
  const { spec, base, parameters, agents, bytes: moved, tokensEachRound, ready } = plan
  const hasRanks = spec.peft.ranks !== undefined
  const rows = agents.map(({ name, fate, rank, tokensPerSecond, memoryBytes }) => [
    ...[name, fate],
    ...(hasRanks ? [rank === null ? '-' : String(rank)] : []),
    tokensPerSecond === null ? 'unknown' : `${count(tokensPerSecond)} tok/s`,
    memoryBytes === null ? 'unknown' : bytes(memoryBytes),
  ])
  const lines = table([
    ['agent', 'first round', ...(hasRanks ? ['rank'] : []), 'speed', 'memory'],
    ...rows,
  ]).map((line, at) => {
    const reason = at === 0 ? null : (agents[at - 1]?.reason ?? null)
    return reason === null ? line : `${line}  ${reason}`
  })
  const invited = agents.filter(({ fate }) => fate === 'invited').length
  return [
    `${spec.name}: ${spec.rounds.count} rounds of ${spec.local.steps} steps on ${base.name} (${bytes(base.sizeBytes)}), ${count(parameters)} trained parameters`,
    ...(agents.length === 0 ? ['no agents yet: lorica agents invite'] : ['', ...lines, '']),
    `an agent downloads the base once (${bytes(moved.base)}), and each round ${bytes(moved.downEachRound)}; it sends ${bytes(moved.upEachRound)} (${spec.update.encoding}), and reads ${count(tokensEachRound)} tokens`,
    memoryText(plan),
    timeText(plan),
    ...privacyText(plan),
    ...(plan.opensAt === null ? [] : [`its schedule opens at ${plan.opensAt}`]),
    ready
      ? `${invited} of ${agents.length} agents would begin: lorica run start -f ${file}`
      : `too few agents: rounds.minimum is ${spec.rounds.minimum}; the run would wait for more`,
  ]
}

function privacyText({ privacy }: PlanView): readonly string[] {
  if (!privacy) return []
  const { epsilon, delta, noiseMultiplier, clip, cohort, noiseNorm, honest, colluding } = privacy
  const drowns =
    noiseNorm > clip
      ? ', which is longer than any update: more sites, fewer trained parameters or a larger epsilon'
      : ''
  return [
    `all rounds: (${roundedUp(epsilon)}, ${delta})-private for each site, noise multiplier ${noiseMultiplier.toPrecision(4)}; the noise on the mean of ${count(cohort)} updates of norm ${clip} or less has norm ${noiseNorm.toPrecision(3)}${drowns}`,
    ...(honest === undefined
      ? []
      : [
          `the agents add it themselves: that of ${count(honest)} is enough, when as many drop out as may and ${count(colluding ?? 0)} work together with the coordinator; what the others add is beyond it`,
        ]),
  ]
}

function memoryText({ memoryBytes, agents }: PlanView): string {
  if (memoryBytes === null) return 'memory of a step: unknown'
  const few = agents.filter((agent) => agent.memoryBytes !== null && agent.memoryBytes < memoryBytes)
  const names = few.length === 0 ? '' : `; less than that: ${few.map(({ name }) => name).join(', ')}`
  return `a step keeps at most ${bytes(memoryBytes)} in memory${names}`
}

function timeText({ seconds, spec }: PlanView): string {
  if (seconds === null)
    return 'training time: unknown until each of them has taken part in a round on this base'
  const { eachRound, all } = seconds
  return `training takes about ${duration(eachRound)} a round by the slowest, ${duration(all)} for ${spec.rounds.count}`
}
