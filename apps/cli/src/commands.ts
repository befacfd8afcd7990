import type { Command } from 'commander'

/** Commands that help shows together. */
export interface CommandGroup {
  readonly title: string
  readonly commands: Readonly<Record<string, () => Promise<Command>>>
}

/** All commands by name. Each is loaded when it is asked for: what some of them need takes longer to load than others take to run. */
export const commandGroups: readonly CommandGroup[] = [
  {
    title: 'Fleet:',
    commands: {
      coordinator: async () => (await import('./fleet/coordinator.js')).coordinatorCommand(),
      agent: async () => (await import('./fleet/agent.js')).agentCommand(),
      agents: async () => (await import('./fleet/agents.js')).agentsCommand(),
      operators: async () => (await import('./fleet/operators.js')).operatorsCommand(),
      run: async () => (await import('./fleet/run.js')).runCommand(),
      rounds: async () => (await import('./fleet/rounds.js')).roundsCommand(),
      releases: async () => (await import('./fleet/releases.js')).releasesCommand(),
      rollout: async () => (await import('./fleet/rollout.js')).rolloutCommand(),
      trust: async () => (await import('./fleet/trust.js')).trustCommand(),
      audit: async () => (await import('./fleet/records.js')).auditCommand(),
      store: async () => (await import('./fleet/records.js')).storeCommand(),
    },
  },
  {
    title: 'Learning on this machine:',
    commands: {
      train: async () => (await import('./learning/train.js')).trainCommand(),
      eval: async () => (await import('./learning/eval.js')).evalCommand(),
      generate: async () => (await import('./learning/generate.js')).generateCommand(),
      serve: async () => (await import('./serving/serve.js')).serveCommand(),
      grad: async () => (await import('./learning/grad.js')).gradCommand(),
      inspect: async () => (await import('./learning/inspect.js')).inspectCommand(),
      merge: async () => (await import('./learning/merge.js')).mergeCommand(),
      aggregate: async () => (await import('./learning/aggregate.js')).aggregateCommand(),
      quantize: async () => (await import('./learning/quantize.js')).quantizeCommand(),
      bench: loadBench,
    },
  },
  {
    title: 'Privacy:',
    commands: { privacy: async () => (await import('./privacy/privacy.js')).privacyCommand() },
  },
  {
    title: 'This machine:',
    commands: {
      doctor: async () => (await import('./machine/doctor.js')).doctorCommand(),
      setup: async () => (await import('./machine/setup.js')).setupCommand(),
    },
  },
  {
    title: 'Help:',
    commands: {
      explain: async () => (await import('./screen/explain.js')).explainCommand(),
      completion: async () => (await import('./screen/completion-command.js')).completionCommand(allCommands),
    },
  },
]

/** Every command there is. */
async function allCommands(): Promise<readonly Command[]> {
  const loads = commandGroups.flatMap(({ commands }) => Object.values(commands))
  return await Promise.all(loads.map((load) => load()))
}

async function loadBench(): Promise<Command> {
  const [bench, aggregate, serve, changing, fleet, secureSum] = await Promise.all([
    import('./learning/bench.js'),
    import('./learning/bench-aggregate.js'),
    import('./serving/bench-serve.js'),
    import('./serving/bench-switch.js'),
    import('./load/command.js'),
    import('./privacy/bench-secure-sum.js'),
  ])
  return bench
    .benchCommand()
    .addCommand(aggregate.benchAggregateCommand())
    .addCommand(serve.benchServeCommand())
    .addCommand(changing.benchSwitchCommand())
    .addCommand(fleet.benchFleetCommand())
    .addCommand(secureSum.benchSecureSumCommand())
}

/** The groups with only the command that the arguments name; all of them where they name none, as for help. */
export function groupsFor(
  args: readonly string[],
  groups: readonly CommandGroup[] = commandGroups,
): readonly CommandGroup[] {
  const name = args.find((argument) => !argument.startsWith('-')) ?? ''
  const group = groups.find(({ commands }) => Object.hasOwn(commands, name))
  const load = group?.commands[name]
  return group === undefined || load === undefined ? groups : [{ ...group, commands: { [name]: load } }]
}
