/**
 * Serves the release that this agent verified last, on this machine, and changes to the next one between two requests.
 * @module
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type EngineOptions, hashModel } from '@lorica/peft-core'
import { asLoricaError, LoricaError } from '@lorica/protocol'
import { adapterOffer, type Serving, startServing } from '@lorica/serving'
import { reasonOf, type Tell } from '../report.js'
import { latestRelease, latestVersion, type Taken } from '../store/releases.js'
import { readSettings, type Settings } from '../store/settings.js'

export interface ChampionOptions {
  /** The folder of the agent, which may run beside this or not. */
  readonly folder: string
  readonly port: number
  readonly threads?: number | undefined
  readonly tell: Tell
  /** Ends it, after the requests that came are answered. */
  readonly signal: AbortSignal
}

/** The name that clients ask for; the base as it is, and what has the own parts of this agent, have names of their own. */
const CHAMPION = 'champion'
const BASE = 'base'
const PERSONAL = 'personal'

/** How often it looks for a new release. */
const LOOK_MS = 1000

const LIMITS = { maxTexts: 8, maxWaiting: 64, kept: 3, host: '127.0.0.1' } as const

/** Serves until it is ended. LRC-3003 when the base of the release is not on this machine. */
export async function serveChampion(options: ChampionOptions): Promise<void> {
  const { folder, port, threads, tell, signal } = options
  const settings = await readSettings(folder)
  if (settings === undefined)
    throw new LoricaError('LRC-8003', `no agent joined a fleet from ${folder}`, {
      action: 'Give the folder of an agent with --dir.',
    })
  const first = await firstRelease(folder, settings, options)
  if (first === undefined) return
  const model = await baseOf(first, folder, settings)
  const engine: EngineOptions = { ...settings.engine, ...(threads === undefined ? {} : { threads }) }
  await using serving = await startServing({ ...LIMITS, model, name: BASE, engine, port })
  let served = await put(serving, model, first)
  tell({ event: 'serving', url: serving.url, release: first.manifest.name })
  for (let refused = 0; !signal.aborted; ) {
    await pause(LOOK_MS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const version = await latestVersion(join(folder, 'releases'))
    if (version <= Math.max(served, refused)) continue
    try {
      const next = (await releasesOf(folder, settings)) as Taken
      if (next.manifest.base.sha256 !== first.manifest.base.sha256)
        throw new LoricaError(
          'LRC-3003',
          `release ${next.manifest.name} is for another base than what is served`,
          {
            action: 'Stop this and start it again.',
          },
        )
      served = await put(serving, model, next)
      tell({ event: 'release-served', name: next.manifest.name, version: next.manifest.version })
    } catch (error) {
      refused = version
      tell({ event: 'not-served', ...reasonOf(asLoricaError(error)) })
    }
  }
}

/** Puts a release under its names; resolves to its version. */
async function put(
  { shelf }: Serving,
  model: string,
  { manifest, folder, personal }: Taken,
): Promise<number> {
  await shelf.put(CHAMPION, await adapterOffer(model, folder, manifest.name))
  if (personal === null) await shelf.remove(PERSONAL)
  else await shelf.put(PERSONAL, await adapterOffer(model, personal, manifest.name))
  return manifest.version
}

const releasesOf = (folder: string, { coordinatorPublicKey }: Settings): Promise<Taken | undefined> =>
  latestRelease(join(folder, 'releases'), coordinatorPublicKey)

/** The release that is there, or the first that comes; undefined when it is ended before. */
async function firstRelease(
  folder: string,
  settings: Settings,
  { tell, signal }: Pick<ChampionOptions, 'tell' | 'signal'>,
): Promise<Taken | undefined> {
  for (let isTold = false; !signal.aborted; isTold = true) {
    const latest = await releasesOf(folder, settings)
    if (latest !== undefined) return latest
    if (!isTold) tell({ event: 'awaits-release' })
    await pause(LOOK_MS, undefined, { signal }).catch(() => {})
  }
  return undefined
}

/** The base of a release on this machine, its content checked. */
async function baseOf({ manifest }: Taken, folder: string, { base }: Settings): Promise<string> {
  const { sha256, name } = manifest.base
  const path = base ?? (await modelIn(join(folder, 'bases', sha256)))
  const found = await hashModel(path).catch((cause: Error) => {
    throw new LoricaError('LRC-3003', `${path}: ${cause.message}`, { cause })
  })
  if (found.sha256 === sha256) return path
  throw new LoricaError('LRC-3003', `${path} is not the base of release ${manifest.name}, "${name}"`, {
    expected: `a base with hash ${sha256}`,
    received: found.sha256,
  })
}

/** A folder with a config.json is a model itself; else it is the .onnx file in it. */
async function modelIn(folder: string): Promise<string> {
  const names: readonly string[] = await readdir(folder).catch(() => [])
  const graph = names.includes('config.json') ? undefined : names.find((name) => name.endsWith('.onnx'))
  return graph === undefined ? folder : join(folder, graph)
}
