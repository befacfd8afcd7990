import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { agentNameSchema, LoricaError, labelsSchema, parseDuration } from '@lorica/protocol'
import { type EngineChoice, engineChoiceSchema } from './engine/engine-choice.js'

const commands = [
  'join',
  'start',
  'status',
  'pause',
  'resume',
  'leave',
  'rotate',
  'last-upload',
  'serve',
  'doctor',
  'install-service',
  'uninstall-service',
  'help',
] as const

const logFormats = ['text', 'json'] as const

/** What a person typed. Paths are absolute. */
export interface Config {
  readonly command: (typeof commands)[number]
  readonly folder: string
  readonly link?: string // URL#TOKEN
  readonly data: readonly string[]
  readonly base?: string
  readonly name?: string
  readonly labels: Readonly<Record<string, string>>
  readonly threads?: number
  readonly engine?: EngineChoice
  /** How long a pause lasts; without an end when absent. */
  readonly forMs?: number
  /** Where a release is served on this machine; 0: any port that is free. */
  readonly port?: number
  /** Whether plain HTTP may leave this machine. */
  readonly insecure: boolean
  /** Whether a service is for the whole machine rather than for this user. */
  readonly system: boolean
  /** Whether what would be done is only printed. */
  readonly dryRun: boolean
  readonly json: boolean
  /** How it tells of its work: for people, or as the log of a service. */
  readonly logFormat: (typeof logFormats)[number]
}

export const usage = `Usage:
  join URL#TOKEN --dir D --data FILE…   join a fleet and work for it until stopped
  start --dir D                         work again from a folder that joined before; needs no token
  status --dir D                        whether the agent runs, what it does, and what its owner allows
  pause --dir D [--for 4h]              yield the machine within one step; resume --dir D ends it
  leave --dir D                         leave the fleet; an agent that runs on the folder ends
  rotate --dir D                        take a new key; the one before is valid until it has connected
  last-upload --dir D                   show what left this machine last
  serve --dir D [--port P] [--base F]   answer OpenAI's API on this machine with the release it is to have
  doctor [URL#TOKEN] --dir D            whether this machine can work, what stands in the way, and how to fix it
  install-service --dir D [--system] [--dry-run]   have the machine start it: systemd, launchd or Task Scheduler
  uninstall-service --dir D [--system]  undo that; the folder stays

Options:
  --dir D          folder of this agent: its key, settings, downloads and finished work   (default .lorica/agent)
  --data FILE…     UTF-8 text files to train on; they are read here and never copied or sent
  --base DIR       use this base instead of downloading it; its hash must be that of the run
  --name N         name that operators see                                               (default: the host name)
  --label k=v      a label that operators can select by; may be given several times
  --threads N      processor threads for training                            (default: the choice of the runtime)
  --runtime NAME   what trains: ort or tfjs                                               (default: ort)
  --device NAME    where: cpu, webgpu, cuda, dml or coreml; see lorica doctor             (default: cpu)
  --allow-software-gpu   also train on a GPU that the processor emulates
  --for T          how long to pause, such as 30m or 4h                      (default: until resume)
  --port P         where a release is served, on this machine only; 0: any that is free   (default: 8000)
  --insecure       let plain HTTP leave this machine: what is sent can be read and changed on the way
  --system         a service of the machine, which runs without anybody logged in (default: of this user)
  --dry-run        print the file of the service and the commands, and do nothing
  --json           one JSON line per event on standard output; diagnostics on standard error
  --log-format F   text, or json: everything as JSON lines on standard output, as services log  (default: text)

Exit codes: 0 stopped as asked, 1 internal fault, 2 wrong arguments, 3 data, base or folder cannot be used,
            4 refused by the coordinator, 5 coordinator cannot be reached.
`

const options = {
  dir: { type: 'string' },
  data: { type: 'string', multiple: true },
  base: { type: 'string' },
  name: { type: 'string' },
  label: { type: 'string', multiple: true },
  threads: { type: 'string' },
  runtime: { type: 'string' },
  device: { type: 'string' },
  'allow-software-gpu': { type: 'boolean' },
  for: { type: 'string' },
  port: { type: 'string' },
  insecure: { type: 'boolean' },
  system: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  'log-format': { type: 'string', default: 'text' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Reads the command line (without node and program). Throws LRC-8001 that names the argument. */
export function parseConfig(args: readonly string[]): Config {
  const { values, tokens } = parse(args)
  const { words, files } = sortPositionals(tokens)
  const [word = 'help', link, extra] = words
  const command = commands.find((known) => known === word)
  if (command === undefined)
    throw wrong(
      `unknown command "${word}"`,
      'join, start, status, pause, resume, leave, last-upload, serve, doctor, install-service or uninstall-service',
    )
  if (extra !== undefined || (link !== undefined && command !== 'join' && command !== 'doctor')) {
    throw wrong(`unexpected argument "${extra ?? link}"`, `the arguments of ${command}`)
  }
  return {
    command: values.help === true ? 'help' : command,
    folder: resolve(values.dir ?? '.lorica/agent'),
    data: files.map((path) => resolve(path)),
    labels: labelsOf(values.label ?? []),
    insecure: values.insecure === true,
    system: values.system === true,
    dryRun: values['dry-run'] === true,
    json: values.json === true,
    logFormat: logFormatOf(values['log-format']),
    ...(link === undefined ? {} : { link }),
    ...(values.base === undefined ? {} : { base: resolve(values.base) }),
    ...(values.name === undefined ? {} : { name: nameOf(values.name) }),
    ...(values.threads === undefined ? {} : { threads: threadsOf(values.threads) }),
    ...(values.for === undefined ? {} : { forMs: forOf(values.for) }),
    ...(values.port === undefined ? {} : { port: portOf(values.port) }),
    ...engineOf(values.runtime, values.device, values['allow-software-gpu']),
  }
}

/** Whether a command line asks for the log of a service; known before all of it is read. */
export function wantsLog(args: readonly string[]): boolean {
  return args.some(
    (word, at) => word === '--log-format=json' || (word === 'json' && args[at - 1] === '--log-format'),
  )
}

function logFormatOf(text: string): Config['logFormat'] {
  const format = logFormats.find((known) => known === text)
  if (format === undefined) throw wrong(`--log-format "${text}"`, logFormats.join(' or '))
  return format
}

/** A name for an agent whose owner gave none: the host name, as far as it can be one. */
export function defaultName(): string {
  const name = hostname()
    .replaceAll(/[^\p{L}\p{N} ._-]/gu, '-')
    .slice(0, 64)
  return agentNameSchema.safeParse(name).success ? name : 'agent'
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, tokens: true })
  } catch (cause) {
    throw wrong((cause as Error).message, 'a known option')
  }
}

type Token = ReturnType<typeof parse>['tokens'][number]

/** `--data a b` gives both files: words that follow a file are files too, unless they are a join link. */
function sortPositionals(tokens: readonly Token[]): {
  readonly words: readonly string[]
  readonly files: readonly string[]
} {
  const words: string[] = []
  const files: string[] = []
  let isAfterFile = false
  for (const token of tokens) {
    if (token.kind === 'option') {
      isAfterFile = token.name === 'data'
      if (isAfterFile) files.push(token.value as string)
    } else if (token.kind === 'positional') {
      if (isAfterFile && !/^https?:\/\/.*#/.test(token.value)) files.push(token.value)
      else words.push(token.value)
    }
  }
  return { words, files }
}

function labelsOf(texts: readonly string[]): Readonly<Record<string, string>> {
  const labels = Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw wrong(`--label "${text}"`, 'key=value')
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
  const parsed = labelsSchema.safeParse(labels)
  if (!parsed.success) throw wrong('--label', parsed.error.issues[0]?.message ?? 'key=value')
  return labels
}

function nameOf(text: string): string {
  if (!agentNameSchema.safeParse(text).success) {
    throw wrong(`--name "${text}"`, 'at most 64 letters, digits, spaces, dots or dashes')
  }
  return text
}

function threadsOf(text: string): number {
  const threads = Number(text)
  if (!Number.isInteger(threads) || threads < 1 || threads > 4096) {
    throw wrong(`--threads "${text}"`, 'a whole number from 1 to 4096')
  }
  return threads
}

function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw wrong(`--port "${text}"`, 'a whole number from 0 to 65535')
  return port
}

function forOf(text: string): number {
  try {
    return parseDuration(text)
  } catch (error) {
    throw wrong(`--for "${text}"`, (error as Error).message)
  }
}

/** What trains, when anything of it is stated. */
function engineOf(runtime = '', device = '', allowSoftwareGpu = false): { readonly engine?: EngineChoice } {
  if (runtime === '' && device === '' && !allowSoftwareGpu) return {}
  const choice = { runtime: runtime || 'ort', device: device || 'cpu', allowSoftwareGpu }
  const parsed = engineChoiceSchema.safeParse(choice)
  if (parsed.success) return { engine: parsed.data }
  const options = `--runtime "${choice.runtime}" --device "${choice.device}"`
  throw wrong(options, 'the runtime ort or tfjs, and the device cpu, webgpu, cuda, dml or coreml')
}

function wrong(message: string, expected: string): LoricaError {
  return new LoricaError('LRC-8001', message, { expected, received: message, action: 'See --help.' })
}
