import type { JournalLine } from '@lorica/protocol'
import { rolloutTellers } from './journal-rollout-text.js'
import { linkTo } from './route.js'
import type { Tone } from './tone.js'

/** A line of the journal as people read it. */
export interface Told {
  readonly text: string
  readonly tone: Tone
  readonly link: string | null // the page that it is about
}

type Fields = JournalLine['fields']
type Teller = (fields: Fields) => string

const named = ({ name, agentId }: Fields): string =>
  typeof name === 'string' ? name : typeof agentId === 'string' ? agentId.slice(0, 12) : 'an agent'
const round = (fields: Fields): string => `round ${fields.round} of ${fields.runId}`

const SUM_STEPS: Readonly<Record<string, string>> = {
  keys: 'sent keys',
  shares: 'shared their secrets',
  input: 'are in it',
  confirmation: 'confirmed who is in it',
}

const tellers: Readonly<Record<string, readonly [Teller, Tone]>> = {
  'coordinator-started': [({ software }) => `The coordinator started (${software}).`, 'still'],
  'token-issued': [({ name }) => `A join link was made${name === null ? '' : ` for ${name}`}.`, 'still'],
  'agent-joined': [
    (f) => `${named(f)} joined${f.isApproved === false ? ' and waits for approval' : ''}.`,
    'info',
  ],
  'agent-approved': [(f) => `${named(f)} was approved.`, 'good'],
  'agent-left': [(f) => `${named(f)} ${f.how === 'left' ? 'left' : `was ${f.how}`}.`, 'warn'],
  'agent-cordoned': [(f) => `${named(f)} ${f.isCordoned ? 'was cordoned' : 'takes part again'}.`, 'warn'],
  'agent-labelled': [(f) => `${named(f)} was labelled ${pairs(f.labels)}.`, 'still'],
  'agent-key-offered': [(f) => `${named(f)} offered a new key.`, 'warn'],
  'agent-key-changed': [(f) => `${named(f)} has a new key.`, 'info'],
  'operator-added': [({ name, role }) => `The operator ${name} was added as ${role}.`, 'warn'],
  'operator-removed': [({ name }) => `The operator ${name} was removed.`, 'warn'],
  alarm: [({ kind, subject, detail }) => `Alarm ${kind} about ${subject}: ${detail}`, 'bad'],
  'updates-removed': [({ runIds }) => `Updates of ${list(runIds)} were removed from the disk.`, 'warn'],
  'base-released': [({ release, run }) => `The base of ${run}, as it is, became ${release}.`, 'info'],
  'alias-moved': [
    ({ alias, release }) => (release === null ? `${alias} was taken away.` : `${alias} is now ${release}.`),
    'info',
  ],
  'release-audited': [
    ({ release, verdict, reason }) => `An audit of ${release}: it ${verdict}${reason ? `: ${reason}` : ''}.`,
    'info',
  ],
  'run-created': [({ runId }) => `The run ${runId} was started.`, 'info'],
  'baseline-evaluated': [
    ({ runId, measured }) => `${runId} before training: loss ${lossIn(measured)}.`,
    'still',
  ],
  'measurement-begun': [
    (f) => `${lengthOf(f.agents)} of ${f.runId} measure an adapter for a secure sum.`,
    'still',
  ],
  'measurement-ended': [
    ({ runId, agents, measured }) =>
      `${runId}: ${whyUnmeasured(measured) ?? `loss ${lossIn(measured)}, the sum of ${lengthOf(agents)}`}.`,
    'still',
  ],
  'final-evaluated': [({ runId, measured }) => `${runId} at its end: loss ${lossIn(measured)}.`, 'still'],
  'round-planned': [(f) => `${capital(round(f))} was planned for ${lengthOf(f.seats)}.`, 'still'],
  'agent-invited': [(f) => `${named((f.seat ?? {}) as Fields)} was invited to ${round(f)}.`, 'still'],
  'update-accepted': [
    (f) => `The update of ${named((f.contribution ?? {}) as Fields)} was accepted for ${round(f)}.`,
    'good',
  ],
  'update-refused': [
    (f) => `The update of ${named(f)} for ${round(f)} was refused: ${f.code} ${f.message}`,
    'bad',
  ],
  'agent-declined': [(f) => `${named(f)} declined ${round(f)}: ${f.code} ${f.message}`, 'warn'],
  'seat-revoked': [(f) => `The seat of ${named(f)} in ${round(f)} was taken away: ${f.message}`, 'bad'],
  'round-closed': [(f) => `${capital(round(f))} takes no more updates.`, 'still'],
  'privacy-charged': [(f) => `${capital(round(f))} was charged to ${lengthOf(f.sites, 'site')}.`, 'info'],
  'sum-step': [
    (f) => `${capital(round(f))}, secure sum: ${lengthOf(f.agents)} ${SUM_STEPS[String(f.step)] ?? f.step}.`,
    'still',
  ],
  'sum-finished': [(f) => `${capital(round(f))} has its secure sum, of ${lengthOf(f.survivors)}.`, 'still'],
  'round-aggregated': [(f) => `A candidate was made of ${round(f)}.`, 'still'],
  'round-committed': [
    (f) => {
      const { verdict, release, reason } = (f.record ?? {}) as Fields
      return verdict === 'released'
        ? `${capital(round(f))} was released as ${release}.`
        : `The candidate of ${round(f)} was not released: ${reason}.`
    },
    'good',
  ],
  'round-failed': [(f) => `${capital(round(f))} failed: ${f.reason}`, 'bad'],
  'run-paused': [({ runId }) => `${runId} was paused.`, 'warn'],
  'run-resumed': [({ runId }) => `${runId} goes on.`, 'info'],
  'run-ended': [({ runId, state, reason }) => `${runId} ${state}: ${reason}.`, 'info'],
}

/** A line in words; of a kind that this page does not know, its name. */
export function told({ type, fields }: Pick<JournalLine, 'type' | 'fields'>): Told {
  const [text, tone] = tellers[type] ??
    rolloutTellers[type] ?? [() => `${capital(type.replaceAll('-', ' '))}.`, 'still' as const]
  return { text: text(fields).replace(/\.\.$/, '.'), tone: toneOf(type, fields, tone), link: linkOf(fields) }
}

function toneOf(type: string, fields: Fields, tone: Tone): Tone {
  if (type === 'run-ended')
    return fields.state === 'succeeded' ? 'good' : fields.state === 'failed' ? 'bad' : 'warn'
  if (type === 'target-reported' && fields.outcome !== 'applied') return 'bad'
  if (type === 'release-audited' && fields.verdict === 'refuted') return 'bad'
  if (type === 'round-committed' && (fields.record as Fields | undefined)?.verdict !== 'released')
    return 'warn'
  return tone
}

function linkOf({ runId, round: number, rolloutId, agentId, release }: Fields): string | null {
  if (typeof rolloutId === 'string') return linkTo('rollouts', rolloutId)
  if (typeof runId === 'string')
    return typeof number === 'number' ? linkTo('runs', runId, 'rounds', number) : linkTo('runs', runId)
  if (typeof agentId === 'string') return linkTo('fleet', agentId)
  return typeof release === 'string' ? linkTo('releases', release) : null
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const list = (names: unknown): string => (Array.isArray(names) ? names.join(', ') : '-')
const pairs = (labels: unknown): string =>
  Object.entries((labels ?? {}) as Fields)
    .map(([key, value]) => (value === null ? `no ${key}` : `${key}=${value}`))
    .join(' ')
const lengthOf = (names: unknown, noun = 'agent'): string => {
  const number = Array.isArray(names) ? names.length : 0
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
const lossIn = (measured: unknown): string => {
  const { loss } = (measured ?? {}) as { readonly loss?: number | null }
  return loss?.toFixed(4) ?? '-'
}
const whyUnmeasured = (measured: unknown): string | undefined => {
  const { unmeasured } = (measured ?? {}) as { readonly unmeasured?: string }
  return unmeasured === undefined ? undefined : `an adapter was not measured: ${unmeasured}`
}
