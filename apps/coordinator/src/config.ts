import { parseArgs } from 'node:util'
import { LoricaError } from '@lorica/protocol'
import { type LogFormat, logFormats } from './log.js'
import type { DoorLimits } from './net/doorway.js'
import type { TlsChoice } from './net/tls.js'
import { parseQuestion, type Question, questionOptions, questionUsage } from './records/question.js'
import type { Prices } from './rounds/expense.js'

/** Every setting of a coordinator: name, unit, default. */
export interface Config {
  readonly dir: string // everything the coordinator keeps; default .lorica/coordinator
  readonly host: string // address to listen on; default 127.0.0.1: this machine only
  readonly port: number // 0: any free port
  readonly json: boolean // one line of JSON when ready, instead of a screen
  readonly store: string | null // postgres:// URL of the store; default null: in the folder
  readonly storeLeaseMs: number // a second coordinator replaces this one when it is paused for longer
  readonly leaseMs: number // unit of how long a seat is kept for an agent that shows no sign; see README
  readonly tls?: TlsChoice // how it is reached; off unless given
  readonly insecure?: boolean // plain HTTP may leave this machine
  readonly linkUrl?: string // the address in join links; default: where it listens
  readonly uploadBudgetBytes: number // of updates that were received and are not on disk yet, all agents together
  readonly webhooks?: string // file of those that plans of rollouts may name
  readonly root?: string // file of the first root, signed elsewhere; made here unless given
  readonly prices?: Prices // of energy and traffic; nothing is said of costs unless given
  readonly door?: DoorLimits // what one address may do before it has proven who it is; by where it is, unless given
}

export const defaults = {
  dir: '.lorica/coordinator',
  host: '127.0.0.1',
  port: 7410,
  leaseMs: 15_000,
  storeLeaseMs: 20_000,
  uploadBudgetBytes: 64_000_000,
} as const

export const usage = `Usage: coordinator [--dir D] [--port P] [--host H] [--lease-ms N] [--json]

  --dir D        folder of the coordinator (default ${defaults.dir}); the same folder resumes
  --port P       port to listen on, 0 for any (default ${defaults.port})
  --host H       address to listen on (default ${defaults.host})
  --lease-ms N   how long a seat is kept for an agent that closed its connection, beside the time
                 that it takes to train (default ${defaults.leaseMs}); silent agents have 40 times as long
  --store URL    postgres://… instead of a database in the folder; PGPASSWORD gives a password
  --store-lease-ms N  a second coordinator replaces one that is paused for longer (default ${defaults.storeLeaseMs})
  --tls self               encrypt with a certificate that it makes and keeps in its folder
  --tls-cert F --tls-key F  encrypt with a certificate that you have (PEM)
  --insecure               let plain HTTP leave this machine
  --link-url URL           the address that join links carry (default: where it listens)
  --address-burst N  challenges, joins and upgrades at once from one address (default 200; 10000 from this machine)
  --upload-budget-mb N  million bytes of updates that are received and not on disk yet, of all agents together (default 64);
                 beyond it nothing is read from agents that upload until the disk has caught up. Each of them may have
                 one chunk (256 KiB) more on its way
  --price-kwh P  what a kilowatt hour costs, --price-gb P a gigabyte, --currency C in what (default EUR): rounds then tell their cost
  --root FILE    begin with this root, signed elsewhere (see trust prepare); without it the root and its key are made here
  --webhooks F   JSON file of the webhooks that plans may name: { "NAME": { "url": "https://…", "secretFile": F or "secretEnv": V } }
  --log-format F  text, or json: a JSON object a line on stderr (default text)
  --json         print one line {"url","adminToken","join"} when ready

Records, of --dir D and, where its journal is elsewhere, --store URL:
${questionUsage}

Exit codes: 0 stopped by a signal, 1 cannot start or go on, 2 wrong arguments.`

/** Reads the command line: what to serve, or a question about a folder. Throws LoricaError LRC-8001. */
export function parseConfig(argv: readonly string[]): Config | Question | 'help' {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      args: [...argv],
      options: {
        dir: { type: 'string', default: defaults.dir },
        host: { type: 'string', default: defaults.host },
        port: { type: 'string', default: String(defaults.port) },
        'lease-ms': { type: 'string', default: String(defaults.leaseMs) },
        tls: { type: 'string' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        insecure: { type: 'boolean', default: false },
        'link-url': { type: 'string' },
        'address-burst': { type: 'string' },
        'log-format': { type: 'string', default: 'text' },
        'price-kwh': { type: 'string' },
        'price-gb': { type: 'string' },
        webhooks: { type: 'string' },
        root: { type: 'string' },
        currency: { type: 'string', default: 'EUR' },
        'store-lease-ms': { type: 'string', default: String(defaults.storeLeaseMs) },
        'upload-budget-mb': { type: 'string', default: String(defaults.uploadBudgetBytes / 1e6) },
        store: { type: 'string' },
        json: { type: 'boolean', default: false },
        ...questionOptions,
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (values.help) return 'help'
    if (!(logFormats as readonly string[]).includes(values['log-format']))
      throw new LoricaError('LRC-8001', `--log-format "${values['log-format']}"`, {
        expected: logFormats.join(' or '),
        received: values['log-format'],
      })
    const question = parseQuestion(positionals, values)
    if (question !== undefined) return question
    return {
      dir: values.dir,
      host: values.host,
      port: whole('--port', values.port, 0, 65_535),
      json: values.json,
      leaseMs: whole('--lease-ms', values['lease-ms'], 1, 86_400_000),
      insecure: values.insecure,
      ...tlsOf(values.tls, values['tls-cert'], values['tls-key']),
      ...linkUrlOf(values['link-url']),
      ...doorOf(values['address-burst']),
      ...(values.webhooks === undefined ? {} : { webhooks: values.webhooks }),
      ...(values.root === undefined ? {} : { root: values.root }),
      ...pricesOf(values['price-kwh'], values['price-gb'], values.currency),
      storeLeaseMs: whole('--store-lease-ms', values['store-lease-ms'], 100, 86_400_000),
      uploadBudgetBytes: 1e6 * whole('--upload-budget-mb', values['upload-budget-mb'], 1, 1_000_000),
      store: values.store ?? null,
    }
  } catch (cause) {
    if (cause instanceof LoricaError) throw cause
    throw new LoricaError('LRC-8001', (cause as Error).message, { cause })
  }
}

/** The format of the log in a command line, which is known before all of it is read; another one is refused when it is. */
export function logFormatIn(argv: readonly string[]): LogFormat {
  const isJson = argv.some(
    (word, at) => word === '--log-format=json' || (word === 'json' && argv[at - 1] === '--log-format'),
  )
  return isJson ? 'json' : 'text'
}

function tlsOf(
  kind: string | undefined,
  certPath: string | undefined,
  keyPath: string | undefined,
): { readonly tls?: TlsChoice } {
  const isWhole = (certPath === undefined) === (keyPath === undefined)
  const isOne = kind === undefined || certPath === undefined
  if (!isWhole || !isOne || (kind !== undefined && kind !== 'self')) {
    throw new LoricaError('LRC-8001', 'what to use for TLS is not clear', {
      expected: '--tls self, or --tls-cert FILE with --tls-key FILE',
      received: [kind, certPath, keyPath].filter((text) => text !== undefined).join(' '),
    })
  }
  if (kind === 'self') return { tls: 'self' }
  return certPath === undefined || keyPath === undefined ? {} : { tls: { certPath, keyPath } }
}

function linkUrlOf(text: string | undefined): { readonly linkUrl?: string } {
  if (text === undefined) return {}
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return { linkUrl: text }
  throw new LoricaError('LRC-8001', `--link-url "${text}"`, { expected: 'https://HOST:PORT', received: text })
}

/** A tenth of a burst each second, and of connections at once, but never fewer than there are by default. */
function doorOf(text: string | undefined): { readonly door?: DoorLimits } {
  if (text === undefined) return {}
  const burst = whole('--address-burst', text, 1, 1_000_000)
  const tenth = Math.ceil(burst / 10)
  return { door: { burst, perSecond: tenth, connections: Math.max(20, tenth) } }
}

function pricesOf(
  kilowattHour: string | undefined,
  gigabyte: string | undefined,
  currency: string,
): { readonly prices?: Prices } {
  if (kilowattHour === undefined && gigabyte === undefined) return {}
  if (!/^[A-Z]{3}$/.test(currency))
    throw new LoricaError('LRC-8001', `--currency "${currency}"`, {
      expected: 'three capitals such as EUR',
      received: currency,
    })
  return {
    prices: {
      kilowattHour: price('--price-kwh', kilowattHour),
      gigabyte: price('--price-gb', gigabyte),
      currency,
    },
  }
}

function price(name: string, text = '0'): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  throw new LoricaError('LRC-8001', `${name} expected an amount, got "${text}"`, {
    expected: 'an amount such as 0.30',
    received: text,
  })
}

function whole(name: string, text: string, lowest: number, highest: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= lowest && value <= highest) return value
  throw new LoricaError(
    'LRC-8001',
    `${name} expected a whole number from ${lowest} to ${highest}, got "${text}"`,
    {
      expected: `${lowest} to ${highest}`,
      received: text,
    },
  )
}
