import { basename, join, resolve } from 'node:path'
import { type Adapter, adapterFiles, orthonormalStart } from '@lorica/peft-core'
import { type FileReference, LoricaError, parseRunSpec, type RunSpec } from '@lorica/protocol'
import type { Host } from '../host.js'
import type { RunJournalEvent } from '../journal/event.js'
import type { Ledger } from '../ledger.js'
import type { RequestMark } from '../request-mark.js'
import { expectNoise } from '../runs/site-privacy.js'
import { expectPersonal, hasOrthonormalStart } from '../runs/strategy.js'
import type { Blobs } from '../store/blobs.js'

/** What a run begins with, before anything of it is recorded. */
export type RunStart = Omit<Extract<RunJournalEvent, { type: 'run-created' }>, 'type' | 'runId'>

/** A run that was checked, with its base pinned by content and the adapter that it starts from. */
export interface PinnedRun extends Omit<RunStart, 'files'> {
  readonly adapter: Adapter
}

/** Reads a run as an operator sent it, and keeps nothing. Throws LoricaError LRC-3001, LRC-3002, LRC-3003 or LRC-3014. */
export async function pinRun(
  raw: unknown,
  { models, random }: Pick<Host, 'models' | 'random'>,
): Promise<PinnedRun> {
  const spec = parseRunSpec(raw)
  const seed = spec.seed ?? Buffer.from(random.bytes(4)).readUInt32BE()
  const path = resolve(spec.base.model)
  try {
    const [{ sha256, files }, adapter, folder] = await Promise.all([
      models.hash(path),
      startOf(spec, models.firstAdapter(path, spec.peft, seed)),
      models.folderOf(path),
    ])
    expectPersonal(spec, adapter)
    expectNoise(spec)
    const base = { path, folder, name: basename(path), sha256, files: files.map((file) => ({ ...file })) }
    return { spec, seed, base, adapter }
  } catch (cause) {
    if (cause instanceof LoricaError) throw cause
    throw new LoricaError('LRC-3003', `base.model: ${(cause as Error).message}`, { received: path, cause })
  }
}

async function startOf(spec: RunSpec, fresh: Promise<Adapter>): Promise<Adapter> {
  return hasOrthonormalStart(spec) ? await orthonormalStart(await fresh) : await fresh
}

/** Reads a run as an operator sent it, and keeps the adapter that it starts from. Throws as `pinRun`. */
export async function prepareRun(
  raw: unknown,
  { blobs, ...host }: Pick<Host, 'models' | 'random'> & { readonly blobs: Blobs },
): Promise<RunStart> {
  const { spec, seed, base, adapter } = await pinRun(raw, host)
  const stored = Object.entries(adapterFiles(adapter)).map(([name, bytes]) => blobs.put(name, bytes))
  await Promise.all(stored.map(({ durable }) => durable))
  linkBase(base, blobs)
  return { spec, seed, base, files: stored.map(({ file }) => file) }
}

/**
 * Records a run as an operator sent it and has it worked on; returns its id once it is safe. While nothing can be written it is
 * refused before it is recorded: a run that is recorded is worked on, even if the answer about it gets lost. `mark` says which request
 * it is for. Throws as `pinRun`, and LRC-5005 or LRC-5008.
 */
export async function addRun(
  raw: unknown,
  parts: Pick<Host, 'models' | 'random'> & { readonly blobs: Blobs; readonly ledger: Ledger },
  conductor: { runAdded(): void },
  mark: { readonly request?: RequestMark } = {},
): Promise<string> {
  const { ledger } = parts
  const start = await prepareRun(raw, parts)
  await ledger.flush()
  const runId = runIdOf(start.spec, ledger.runs())
  ledger.record({ type: 'run-created', runId, ...start, ...mark })
  conductor.runAdded()
  await ledger.flush()
  return runId
}

/** Lets agents read the files of a base. */
export function linkBase(
  base: { readonly folder: string; readonly files: readonly FileReference[] },
  blobs: Blobs,
): void {
  for (const { sha256, path } of base.files) blobs.link(sha256, join(base.folder, path))
}

/** Checks that the base of a run is still what it was. Throws LoricaError LRC-3011. */
export async function checkBase(base: RunStart['base'], models: Host['models']): Promise<void> {
  const { sha256 } = await models.hash(base.path).catch((cause: Error) => {
    throw new LoricaError('LRC-3011', `base.model: ${cause.message}`, { expected: base.sha256, cause })
  })
  if (sha256 === base.sha256) return
  throw new LoricaError('LRC-3011', `base.model: ${base.path} changed since the run was started`, {
    expected: base.sha256,
    received: sha256,
  })
}

/** The id of the next run of this name. */
export function runIdOf(spec: RunSpec, runs: readonly { readonly runId: string }[]): string {
  return `${spec.name}-${runs.length + 1}`
}
