/**
 * Serves the release that this machine is to have, and changes to the next one between two requests.
 * @module
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type EngineOptions, hashModel } from '@lorica/peft-core'
import { asLoricaError, LoricaError } from '@lorica/protocol'
import { adapterOffer, type Serving, startServing } from '@lorica/serving'
import { reasonOf, type Tell } from '../report.js'
import type { Taken } from '../store/kept-release.js'
import { removeServing, type ServingRecord, writeServing } from '../store/serving-record.js'
import { readSettings, type Settings } from '../store/settings.js'
import { type Wanted, wantedIn } from './wanted.js'

export interface ChampionOptions {
  /** The folder of the agent, which may run beside this or not. */
  readonly folder: string
  readonly port: number
  /** A copy of the base on this machine; what the agent was given, or downloaded for a run, when absent. */
  readonly base?: string | undefined
  readonly threads?: number | undefined
  readonly tell: Tell
  /** Ends it, after the requests that came are answered. */
  readonly signal: AbortSignal
}

/** The name that clients ask for; the base as it is, and what has the own parts of this agent, have names of their own. */
const CHAMPION = 'champion'
const BASE = 'base'
const PERSONAL = 'personal'

/** How often it looks for what it is to serve. */
const LOOK_MS = 250

const LIMITS = { maxTexts: 8, maxWaiting: 64, kept: 3, host: '127.0.0.1' } as const

/** Serves until it is ended. LRC-3003 when the base of the release is not on this machine. */
export async function serveChampion(options: ChampionOptions): Promise<void> {
  const { folder, port, threads, tell } = options
  const settings = await readSettings(folder)
  if (settings === undefined)
    throw new LoricaError('LRC-8003', `no agent joined a fleet from ${folder}`, {
      action: 'Give the folder of an agent with --dir.',
    })
  const first = await firstWanted(folder, settings, options)
  if (first === undefined) return
  const taken = await first.read()
  const model = await baseOf(taken, folder, options.base ?? settings.base)
  const engine: EngineOptions = { ...settings.engine, ...(threads === undefined ? {} : { threads }) }
  await using serving = await startServing({ ...LIMITS, model, name: BASE, engine, port })
  await put(serving, model, taken)
  tell({ event: 'serving', url: serving.url, release: taken.manifest.name })
  await follow(first, taken, { ...options, settings, serving, model, base: taken.manifest.base.sha256 })
}

interface Following extends ChampionOptions {
  readonly settings: Settings
  readonly serving: Serving
  readonly model: string
  readonly base: string // its hash
}

/** Looks for what is to be served until it is ended, and says what became of it to the agent beside it. */
async function follow(first: Wanted, begun: Taken, parts: Following): Promise<void> {
  const { folder, settings, serving, signal, tell } = parts
  let served = begun
  let earlier: string | null = null // the release before it
  let target = answerTo(first, null)
  let looked = keyOf(first)
  const record = (): ServingRecord => ({
    ...{ pid: process.pid, url: serving.url, release: served.manifest.name, releaseId: served.id, target },
    now: serving.tally(CHAMPION, served.manifest.name),
    before: earlier === null ? null : serving.tally(CHAMPION, earlier),
  })
  let written = ''
  const write = async (): Promise<void> => {
    const next = record()
    if (JSON.stringify(next) === written) return
    await writeServing(folder, next)
    written = JSON.stringify(next)
  }
  try {
    for (;;) {
      await write().catch((error) => tell({ event: 'not-served', ...reasonOf(asLoricaError(error)) }))
      await pause(LOOK_MS, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      const wanted = await wantedIn(folder, settings.coordinatorPublicKey).catch(() => undefined)
      if (wanted === undefined || keyOf(wanted) === looked) continue
      looked = keyOf(wanted)
      try {
        const next = await wanted.read()
        if (next.id !== served.id) {
          await change(next, parts)
          earlier = served.manifest.name
          served = next
          tell({ event: 'release-served', name: next.manifest.name, version: next.manifest.version })
        }
        target = answerTo(wanted, null)
      } catch (error) {
        const reason = reasonOf(asLoricaError(error))
        target = answerTo(wanted, reason)
        tell({ event: 'not-served', ...reason })
      }
    }
  } finally {
    await removeServing(folder)
  }
}

const keyOf = ({ serial, name }: Wanted): string => `${serial ?? 'newest'} ${name}`

function answerTo(
  { serial }: Wanted,
  reason: { readonly code: string; readonly message: string } | null,
): ServingRecord['target'] {
  if (serial === null) return null
  const outcome = reason === null ? ('applied' as const) : ('failed' as const)
  const said = reason === null ? null : { code: reason.code, message: reason.message }
  return { serial, outcome, reason: said, atMs: Date.now() }
}

/** Loads a release beside the one that is served, tries it, and changes to it. What was served stays when that fails. */
async function change(next: Taken, { serving, model, base }: Following): Promise<void> {
  const { name, base: wanted } = next.manifest
  if (wanted.sha256 !== base)
    throw new LoricaError('LRC-3003', `release ${name} is for another base than what is served`, {
      action: 'Stop this and start it again.',
    })
  await put(serving, model, next)
}

/** Puts a release under its names. Throws LoricaError LRC-6026 when it does not fit or does not answer the trial. */
async function put({ shelf }: Serving, model: string, { manifest, folder, personal }: Taken): Promise<void> {
  try {
    await shelf.put(CHAMPION, await adapterOffer(model, folder, manifest.name))
    if (personal === null) await shelf.remove(PERSONAL)
    else await shelf.put(PERSONAL, await adapterOffer(model, personal, manifest.name))
  } catch (cause) {
    throw new LoricaError('LRC-6026', `release ${manifest.name}: ${(cause as Error).message}`, { cause })
  }
}

/** What is to be served now, or the first that comes; undefined when it is ended before. */
async function firstWanted(
  folder: string,
  { coordinatorPublicKey }: Settings,
  { tell, signal }: Pick<ChampionOptions, 'tell' | 'signal'>,
): Promise<Wanted | undefined> {
  for (let isTold = false; !signal.aborted; isTold = true) {
    const wanted = await wantedIn(folder, coordinatorPublicKey)
    if (wanted !== undefined) return wanted
    if (!isTold) tell({ event: 'awaits-release' })
    await pause(LOOK_MS, undefined, { signal }).catch(() => {})
  }
  return undefined
}

/** The base of a release on this machine, its content checked: the one that was given, else the one that was downloaded for a run. */
async function baseOf({ manifest }: Taken, folder: string, given: string | undefined): Promise<string> {
  const { sha256, name } = manifest.base
  const place = join(folder, 'bases', sha256)
  const copy = `lorica agent serve --dir ${folder} --base FOLDER`
  if (given === undefined && (await readdir(place).catch(() => [])).length === 0)
    throw new LoricaError(
      'LRC-3003',
      `the base "${name}" of release ${manifest.name} is not on this machine`,
      {
        expected: `a base with hash ${sha256}, in ${place} or given with --base`,
        received: 'none; this agent took part in no run of it, which would have downloaded it',
        action: `Give a copy of it: \`${copy}\`.`,
      },
    )
  const path = given ?? (await modelIn(place))
  const found = await hashModel(path).catch((cause: Error) => {
    throw new LoricaError('LRC-3003', `${path}: ${cause.message}`, {
      cause,
      action: `Give a copy of "${name}": \`${copy}\`.`,
    })
  })
  if (found.sha256 === sha256) return path
  throw new LoricaError('LRC-3003', `${path} is not the base of release ${manifest.name}, "${name}"`, {
    expected: `a base with hash ${sha256}`,
    received: found.sha256,
    action: `Give a copy of "${name}": \`${copy}\`.`,
  })
}

/** A folder with a config.json is a model itself; else it is the .onnx file in it. */
async function modelIn(folder: string): Promise<string> {
  const names: readonly string[] = await readdir(folder).catch(() => [])
  const graph = names.includes('config.json') ? undefined : names.find((name) => name.endsWith('.onnx'))
  return graph === undefined ? folder : join(folder, graph)
}
