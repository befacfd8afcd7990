import { availableParallelism, totalmem } from 'node:os'
import { type Device, devices, probeDevice, type RuntimeChoice } from '@lorica/peft-core'
import { type Hello, LoricaError } from '@lorica/protocol'
import { z } from 'zod'

/** What trains on this machine, as its owner chose it. */
export const engineChoiceSchema = z.strictObject({
  runtime: z.enum(['ort', 'tfjs']),
  device: z.enum(devices),
  allowSoftwareGpu: z.boolean(),
})
export type EngineChoice = Readonly<z.infer<typeof engineChoiceSchema>>

const PROBE_MS = 60_000

/** What computes, in the words of the library itself; LRC-6012 when the choice cannot be used on this machine. */
export async function tryEngine(choice: EngineChoice): Promise<string> {
  const { usable, facts, reason, advice } = await probeDevice(choice, PROBE_MS)
  if (usable && facts !== undefined) {
    return facts.emulator === undefined ? facts.library : `${facts.library} on ${facts.emulator}`
  }
  const what = `--runtime ${choice.runtime} --device ${choice.device}`
  throw new LoricaError('LRC-6012', `${what}: ${reason}`, advice === undefined ? {} : { action: advice })
}

interface Machine {
  readonly choice: RuntimeChoice | undefined
  /** What computes; absent for onnxruntime on the processor. */
  readonly library: string | undefined
  readonly threads: number | undefined
  readonly gpu?: Hello['device']['gpu']
}

/** What an agent says of its machine. */
export function describeDevice({ choice, library, threads, gpu }: Machine): Hello['device'] {
  return {
    kind: kinds[choice?.device ?? 'cpu'],
    ...(library === undefined ? {} : { name: library.slice(0, 128) }),
    threads: threads ?? availableParallelism(),
    memoryBytes: totalmem(),
    ...(gpu === undefined ? {} : { gpu }),
  }
}

/** The names that devices have on the wire. */
const kinds: Readonly<Record<Device, Hello['device']['kind']>> = {
  cpu: 'cpu',
  webgpu: 'webgpu',
  cuda: 'cuda',
  dml: 'directml',
  coreml: 'coreml',
}
