import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { parse } from 'yaml'
import { type Disk, systemDisk } from '../store/disk.js'
import { type Policy, policySchema } from './policy.js'

const FILE = 'policy.yaml'

/** What a new folder gets: nothing is limited, and everything that could be is there to be uncommented. */
const template = `# What this machine lets its fleet ask of it. Whatever is left out is not limited, but for textOverlap. Changes count from the next
# assignment on; an assignment that is not allowed is declined, and the operators see the reason.
#
# bases: [3f5c…]              # SHA-256 of the base models that may be used (64 hexadecimal digits)
# methods: [lora]
# maxRank: 16
# maxSteps: 500               # of one round
# maxRowTokens: 1024
# formats: [text, chat]
# maxUpdateNorm: 1.0          # updates have to be clipped to this norm or less
# secureAggregation: required # updates and losses leave only as parts of sums that hide them (aggregate.trust private); or
# secureAggregation: { minAgents: 5 }       # and only in sums of at least so many agents; or
# secureAggregation: { minAgents: 3, peers: [AGENT-ID, AGENT-ID] }    # of agents that this site knows: others do not count
# siteBudget: { maxEpsilon: 8, delta: 1e-5 }  # of this site over all runs, by its own count; only updates with noise of agents leave
# minNoise: 1.0               # updates leave only with so much noise of this agent alone, times the clip, and losses not at all
# minHoldout: 0.1             # share of the data that is never trained on
# privacy: { maxEpsilon: 8, delta: 1e-5 }   # only runs with privacy.dp of unit example, up to this epsilon of the
#                             # examples of a file over all runs; losses on held-out text stay here
# textOverlap: true           # it may be told how many texts that a run names have 13 words in a row in the training data
# hours: 22:00-06:00          # of this machine's clock; or a list of them
# bytesPerDay: 500MB          # both ways together
#
# While one of these holds, work that is under way waits and new work is declined:
# idleOnly: true              # other programs use more than a quarter of the processor or the GPU
# onBattery: false            # the machine runs on battery
# maxCelsius: 85              # a part of it is hotter
# whenUnknown: yield          # also where the machine does not tell (default: work)
`

/** The policy of a folder, read anew each time; empty where there is no file. Throws LRC-6004 when it is not valid. */
export async function readPolicy(folder: string, disk: Disk = systemDisk()): Promise<Policy> {
  const path = join(folder, FILE)
  const text = await disk.read(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw invalid(`it cannot be read (${error.code})`, error) // the coordinator hears this: no path
  })
  const raw = yamlOf(Buffer.from(text).toString('utf8')) ?? {}
  const result = policySchema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw invalid(`"${issue?.path.join('.')}": ${issue?.message}`)
}

/** Writes the commented file into a folder that has none. */
export async function offerPolicy(folder: string): Promise<void> {
  await writeFile(join(folder, FILE), template, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

function yamlOf(text: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw invalid((cause as Error).message.split('\n')[0] ?? '', cause)
  }
}

/** A policy that cannot be read allows nothing. */
function invalid(why: string, cause?: unknown): LoricaError {
  return new LoricaError('LRC-6004', `the policy of this site is not valid: ${why}`, {
    expected: 'the fields that the comments in policy.yaml list',
    action: 'Its owner has to correct policy.yaml; until then nothing is allowed.',
    ...(cause === undefined ? {} : { cause }),
  })
}
