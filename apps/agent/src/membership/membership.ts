import { hashModel } from '@lorica/peft-core'
import { type Hello, type Identity, type JoinLink, LoricaError, parseJoinLink } from '@lorica/protocol'
import { type Config, defaultName } from '../config.js'
import { largestGpu } from '../device/gpu.js'
import { tryEngine } from '../engine/engine-choice.js'
import { enrol, type Post } from '../net/enrolment.js'
import { expectPrivate } from '../net/post.js'
import { countPrivate } from '../private/documents.js'
import { readSettings, type Settings, writeSettings } from '../store/settings.js'
import { expectRootIn } from '../store/trust.js'
import { newIdentity, readIdentity, writeIdentity } from './identity.js'

/** An agent that belongs to a fleet and has what it needs to work. */
export interface Membership {
  readonly settings: Settings
  readonly identity: Identity
  readonly documents: number
  /** What computes, when the owner of the machine chose it. */
  readonly library?: string
  /** The largest GPU of the machine, for the conditions of runs. */
  readonly gpu?: Hello['device']['gpu']
  /** Whether the fleet was joined just now. */
  readonly isNew: boolean
}

/**
 * Takes up the membership of a folder, or joins with the link of `config`. The data and the base are checked first, so
 * that nothing is sent and nothing is written when they cannot be used; `beforeJoining` is called between. Throws LRC-2xxx, 3003, 600x, 8001, 8002, 8003.
 */
export async function enter(
  config: Config,
  post: Post,
  beforeJoining: () => void = () => {},
): Promise<Membership> {
  const known = await readSettings(config.folder)
  return known === undefined ? join(config, post, beforeJoining) : resume(config, known)
}

async function join(config: Config, post: Post, beforeJoining: () => void): Promise<Membership> {
  const { folder, data, base, threads, engine, labels } = config
  if (config.link === undefined) {
    throw new LoricaError('LRC-8001', `no agent joined from ${folder}`, {
      expected: 'a join link: join URL#TOKEN --dir D --data FILE…',
      received: 'none',
    })
  }
  if (data.length === 0) {
    throw new LoricaError('LRC-8001', '--data is missing', {
      expected: 'at least one text file',
      received: 'none',
    })
  }
  const link = parseJoinLink(config.link)
  const insecure = config.insecure ? { insecure: true } : {}
  expectPrivate(link.url, config.insecure)
  const documents = await checkParts(data, base)
  beforeJoining()
  const machine = await machineOf(engine)
  const identity = (await readIdentity(folder)) ?? newIdentity()
  const name = config.name ?? defaultName()
  const enrolment = await enrol(link, { identity, name, labels }, post)
  const settings: Settings = {
    schema: 1,
    url: link.url,
    ...enrolment,
    ...(link.root === undefined ? {} : { root: link.root }),
    name,
    labels,
    data: [...data],
    ...insecure,
    ...(base === undefined ? {} : { base }),
    ...(threads === undefined ? {} : { threads }),
    ...(engine === undefined ? {} : { engine }),
  }
  await writeIdentity(folder, identity)
  await writeSettings(folder, settings)
  return { settings, identity, documents, ...machine, isNew: true }
}

async function resume(config: Config, known: Settings): Promise<Membership> {
  const { folder, link, data, base, threads, engine } = config
  const given = link === undefined ? undefined : checkSameFleet(link, known, folder)
  await expectRootIn(folder, given?.root)
  const { url } = given ?? known
  const isInsecure = config.insecure || known.insecure === true
  expectPrivate(url, isInsecure)
  const identity = await readIdentity(folder)
  if (identity === undefined || (identity.id !== known.agentId && known.isRotated !== true)) {
    throw new LoricaError('LRC-2004', `${folder}: the key of agent ${known.agentId} is missing`, {
      expected: 'the file identity.json that this agent wrote',
      action: 'Restore the file, or join again into an empty folder with a new link.',
    })
  }
  const settings: Settings = {
    ...known,
    url,
    ...(given?.root === undefined ? {} : { root: given.root }),
    ...(isInsecure ? { insecure: true } : {}),
    ...(data.length === 0 ? {} : { data: [...data] }),
    ...(base === undefined ? {} : { base }),
    ...(threads === undefined ? {} : { threads }),
    ...(engine === undefined ? {} : { engine }),
  }
  const documents = await checkParts(settings.data, settings.base)
  const machine = await machineOf(settings.engine)
  if (JSON.stringify(settings) !== JSON.stringify(known)) await writeSettings(folder, settings)
  return { settings, identity, documents, ...machine, isNew: false }
}

/** Tries what was chosen, before anything is sent, and looks for a GPU. */
async function machineOf(engine: Config['engine']): Promise<Pick<Membership, 'library' | 'gpu'>> {
  const gpu = await largestGpu()
  const library = engine === undefined ? {} : { library: await tryEngine(engine) }
  return { ...library, ...(gpu === undefined ? {} : { gpu }) }
}

function checkSameFleet(text: string, known: Settings, folder: string): JoinLink {
  const link = parseJoinLink(text)
  const pinned = Buffer.from(link.fingerprint, 'base64url').toString('hex').slice(0, 32)
  if (pinned === known.coordinatorId) return link
  throw new LoricaError('LRC-2008', `${folder} belongs to another fleet`, {
    expected: `a link of coordinator ${known.coordinatorId}`,
    received: `a link of coordinator ${pinned}`,
    action: 'Use another --dir for another fleet.',
  })
}

async function checkParts(data: readonly string[], base: string | undefined): Promise<number> {
  const length = await countPrivate(data)
  if (base !== undefined) {
    await hashModel(base).catch((cause: Error) => {
      throw new LoricaError('LRC-3003', `--base ${base}: ${cause.message}`, {
        expected: 'a Hugging Face folder or an .onnx file',
        action: 'Give the base of the run with --base, or leave --base out and it is downloaded.',
        cause,
      })
    })
  }
  return length
}
