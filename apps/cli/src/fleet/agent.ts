import { Command, Option } from 'commander'
import { collect } from '../screen/command.js'
import { runService } from './service.js'

interface AgentOptions {
  readonly logFormat?: string
  readonly dir: string
  readonly data?: readonly string[]
  readonly name?: string
  readonly label?: readonly string[]
  readonly base?: string
  readonly threads?: string
  readonly runtime?: string
  readonly device?: string
  readonly allowSoftwareGpu?: boolean
  readonly insecure?: boolean
  readonly for?: string
  readonly port?: string
  readonly system?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

const exits = `
Exit status: 0 stopped, 1 a fault of Lorica, 2 wrong arguments, 3 data, base or folder cannot be used,
4 refused by the coordinator, 5 the coordinator cannot be reached.`

/** `lorica agent`: the service on a machine that holds data. */
export function agentCommand(): Command {
  const agent = new Command('agent').description('take part in a fleet with the data of this machine')
  const join = withOptions(
    agent.command('join <url#token>').description('join a fleet with a join link, then stay and work'),
  )
  join.action((link: string, options: AgentOptions) => serve(['join', link], options))
  const start = withOptions(agent.command('start').description('go on after joining; needs no token'))
  start.action((options: AgentOptions) => serve(['start'], options))
  onFolder(
    agent.command('status').description('whether the agent runs, what it does, and what its owner allows'),
    'status',
  )
  onFolder(
    agent
      .command('pause')
      .description('yield the machine within one step, and take no work')
      .option('--for <duration>', 'such as 30m or 4h (default: until resume)'),
    'pause',
  )
  onFolder(agent.command('resume').description('work again after a pause'), 'resume')
  const leave = agent.command('leave').description('leave the fleet; an agent that runs on the folder ends')
  leave
    .option('--dir <folder>', "the agent's folder", 'lorica-agent')
    .option('--json', 'print one JSON line per event')
    .action((options: AgentOptions) => serve(['leave'], options))
  onFolder(agent.command('rotate').description('take a new key, proven by the one it has'), 'rotate')
  onFolder(
    agent.command('last-upload').description('show exactly what left this machine last'),
    'last-upload',
  )
  onFolder(
    agent
      .command('serve')
      .description("answer OpenAI's API on this machine with the release that the agent is to have")
      .option('--port <n>', '0 takes any that is free (default: 8000)')
      .option(
        '--base <folder>',
        'a copy of the base of the release (default: what the agent was given, or downloaded for a run)',
      )
      .option('--threads <count>', 'processor threads'),
    'serve',
  )
  const doctor = withOptions(
    agent
      .command('doctor [url#token]')
      .description('whether this machine can work for its fleet, what stands in the way, and how to fix it'),
  )
  doctor
    .addHelpText(
      'after',
      '\nExit status: 0 it can, 2 wrong arguments, 3 something on this machine, 4 another coordinator, 5 no coordinator.',
    )
    .action((link: string | undefined, options: AgentOptions) =>
      serve(['doctor', ...(link === undefined ? [] : [link])], options),
    )
  for (const [verb, what] of [
    ['install-service', 'have this machine start the agent: systemd, launchd or the Windows Task Scheduler'],
    ['uninstall-service', 'stop the service and remove it; the folder of the agent stays'],
  ] as const) {
    const service = agent.command(verb).description(what)
    service
      .option(
        '--system',
        'of the machine, without anybody logged in; needs its administrator (default: of this user)',
      )
      .option('--dry-run', 'print the file and the commands, and do nothing')
    onFolder(service, verb)
  }
  return agent.addHelpText('after', exits)
}

/** A command that acts on the folder of an agent, whether it runs or not. */
function onFolder(command: Command, verb: string): void {
  command
    .option('--dir <folder>', "the agent's folder", 'lorica-agent')
    .option('--json', 'print one JSON document on stdout')
    .action((options: AgentOptions) => serve([verb], options))
}

function withOptions(command: Command): Command {
  return command
    .option('--dir <folder>', 'where the agent keeps its key and its cache', 'lorica-agent')
    .option(
      '--data <file>',
      'text to train on (.txt, .jsonl or .csv); stays on this machine; may be repeated',
      collect,
    )
    .option('--name <name>', 'how the fleet calls this agent (the machine name unless given)')
    .option('--label <key=value>', 'a label for selection; may be repeated', collect)
    .option('--base <folder>', 'a base model that is already here; must be the same as the coordinator’s')
    .option('--threads <count>', 'processor threads for training')
    .option('--runtime <name>', 'what trains: ort or tfjs')
    .option('--device <device>', 'where: cpu, webgpu, cuda, dml or coreml; see `lorica doctor`')
    .option('--allow-software-gpu', 'also train on a GPU that the processor emulates')
    .option('--insecure', 'let plain HTTP leave this machine')
    .option('--json', 'print one JSON line per event')
    .addOption(
      new Option('--log-format <format>', 'how it tells of its work: json is the log of a service').choices([
        'text',
        'json',
      ]),
    )
}

async function serve(verb: readonly string[], options: AgentOptions): Promise<void> {
  const pairs = (flag: string, values: readonly string[] = []): readonly string[] =>
    values.flatMap((value) => [flag, value])
  const single = (flag: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [flag, value]
  process.exitCode = await runService('@lorica/agent/main', [
    ...verb,
    ...single('--dir', options.dir),
    ...pairs('--data', options.data),
    ...single('--name', options.name),
    ...pairs('--label', options.label),
    ...single('--base', options.base),
    ...single('--threads', options.threads),
    ...single('--runtime', options.runtime),
    ...single('--device', options.device),
    ...(options.allowSoftwareGpu ? ['--allow-software-gpu'] : []),
    ...(options.insecure ? ['--insecure'] : []),
    ...single('--for', options.for),
    ...single('--port', options.port),
    ...(options.system ? ['--system'] : []),
    ...(options.dryRun ? ['--dry-run'] : []),
    ...(options.json ? ['--json'] : []),
    ...single('--log-format', options.logFormat),
  ])
}
