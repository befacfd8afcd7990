/**
 * What measurements of private runs have to be, computed from the adapters without the code that sums.
 * @module
 */
import type { JournalEntry } from '@lorica/coordinator/embed'
import { decodeSafetensors, floatTensor } from '@lorica/peft-core'
import { adapterHash, type FileReference } from '@lorica/protocol'
import { COORDINATOR_FOLDER } from './coordinator-machine.js'
import type { MemoryDisk } from './memory-disk.js'
import { lossOf } from './model.js'

const ROUNDED = 2 ** -17 // nats that the loss of an agent is off by, at the most

/**
 * I9: the loss of a measurement whose losses nobody saw is the mean of what its agents measured, each over as many tokens. `agents` are
 * their ids, in their order. How many were compared, and what is wrong.
 */
export function comparedLosses(
  entries: readonly JournalEntry[],
  disk: MemoryDisk,
  agents: readonly string[],
): { readonly compared: number; readonly problems: readonly string[] } {
  const adapters = new Map<string, readonly FileReference[]>() // by their hash
  const problems: string[] = []
  let compared = 0
  for (const { event } of entries) {
    if (event.type === 'run-created' || event.type === 'round-aggregated')
      adapters.set(adapterHash(event.files), event.files)
    if (event.type !== 'measurement-ended' || event.measured.loss === null) continue
    const { adapter, measured, round } = event
    const weights = adapters.get(adapter)?.find(({ path }) => path.endsWith('.safetensors'))?.sha256 ?? ''
    const bytes = disk.peek(`${COORDINATOR_FOLDER}/blobs/${weights.slice(0, 2)}/${weights}`)
    if (bytes === undefined) continue
    const tensors = new Map([...decodeSafetensors(bytes)].map(([name, raw]) => [name, floatTensor(raw)]))
    const losses = event.agents.map((agentId) => lossOf(tensors, agents.indexOf(agentId), 1))
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length
    compared++
    if (!(Math.abs((measured.loss ?? Number.NaN) - mean) < ROUNDED) || measured.perAgent.length > 0)
      problems.push(`I9: the loss of round ${round} is ${measured.loss}, expected ${mean}`)
  }
  return { compared, problems }
}
