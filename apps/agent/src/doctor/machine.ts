/**
 * What a machine needs to train: a runtime, room on the disk, data that can be read, a policy that can be read.
 * @module
 */
import { probeDevice } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import { largestGpu } from '../device/gpu.js'
import { printedBy } from '../device/tool.js'
import type { EngineChoice } from '../engine/engine-choice.js'
import { countPrivate } from '../private/documents.js'
import { countTokens } from '../private/sample.js'
import { readPolicy } from '../site/policy-file.js'
import type { Disk } from '../store/disk.js'
import { examined, type Finding, ok, skipped, warning } from './finding.js'
import { tinyStep } from './tiny-step.js'

export interface MachineParts {
  readonly folder: string
  readonly data: readonly string[]
  /** A base that is on this machine, for its tokenizer. */
  readonly base: string | undefined
  readonly engine: EngineChoice
  readonly disk: Disk
  readonly clock: Clock
}

const PROBE_MS = 60_000
const ROOMY_BYTES = 2e9

/** Looks at the machine, one check after the other. */
export async function examineMachine(parts: MachineParts): Promise<readonly Finding[]> {
  const { folder, data, engine } = parts
  return [
    await examined('gpu and driver', () => examineGpu(engine)),
    await examined('runtime', () => examineRuntime(engine)),
    await examined('one training step', async () => {
      const { loss, ms } = await tinyStep(engine, parts.clock.monotonicMs)
      if (Number.isFinite(loss))
        return ok('one training step', `loss ${loss.toFixed(3)}, ${Math.round(ms)} ms with its start`)
      throw new LoricaError('LRC-6003', `the loss of one step is ${loss}`)
    }),
    await examined('disk', () => examineDisk(parts)),
    await examined('data', () => examineData(data, parts.base)),
    await examined('policy', async () => {
      const limits = Object.keys(await readPolicy(folder, parts.disk))
      return ok('policy', limits.length === 0 ? 'nothing is limited' : `limits ${limits.join(', ')}`)
    }),
  ]
}

async function examineGpu({ device }: EngineChoice): Promise<Finding> {
  const gpu = await largestGpu()
  if (gpu === undefined) return ok('gpu and driver', `no NVIDIA driver answers; it trains on ${device}`)
  const query = ['--query-gpu=driver_version', '--format=csv,noheader']
  const [driver = 'unknown'] = (await printedBy('nvidia-smi', query)).trim().split('\n')
  const found = `${gpu.name}, ${Math.round(gpu.memoryBytes / 2 ** 30)} GiB, driver ${driver}`
  if (device !== 'cpu') return ok('gpu and driver', found)
  return warning('gpu and driver', `${found}; it is not used`, 'Start with --device cuda or --device webgpu.')
}

async function examineRuntime(engine: EngineChoice): Promise<Finding> {
  const { usable, facts, reason = '', advice } = await probeDevice(engine, PROBE_MS)
  const title = `${engine.runtime} on ${engine.device}`
  if (usable) return ok('runtime', `${title}: ${facts?.library ?? ''}`)
  throw new LoricaError(
    'LRC-6012',
    `${title}: ${reason.trim()}`,
    advice === undefined ? {} : { action: advice },
  )
}

async function examineDisk({ folder, disk }: MachineParts): Promise<Finding> {
  const parents = folder
    .split(/[\\/]/)
    .map((_, index, parts) => parts.slice(0, parts.length - index).join('/') || '/')
  for (const parent of parents) {
    const free = (await disk.freeBytes?.(parent)) ?? null
    if (free === null) continue
    const found = `${(free / 1e9).toFixed(1)} GB are free for ${folder}`
    if (free >= ROOMY_BYTES) return ok('disk', found)
    return warning(
      'disk',
      found,
      'Free some: the base of a run is kept there. A round that does not fit is declined.',
    )
  }
  return skipped('disk', 'nothing tells how much is free')
}

async function examineData(data: readonly string[], base: string | undefined): Promise<Finding> {
  if (data.length === 0) return skipped('data', 'no files were named: --data FILE')
  const documents = await countPrivate(data)
  const found = `${data.length} ${data.length === 1 ? 'file' : 'files'}, ${documents} paragraphs or records`
  if (base === undefined) return ok('data', `${found}; tokens are counted once there is a base`)
  return ok('data', `${found}, about ${await countTokens(data, base)} tokens`)
}
