import { execFile } from 'node:child_process'
import type { Hello } from '@lorica/protocol'

const DEADLINE_MS = 5000
const QUERY = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']

/** The largest NVIDIA GPU of this machine, as its driver's own tool tells; undefined when there is none. */
export async function largestGpu(): Promise<Hello['device']['gpu']> {
  const text = await new Promise<string>((resolve) => {
    execFile('nvidia-smi', QUERY, { timeout: DEADLINE_MS }, (error, stdout) => resolve(error ? '' : stdout))
  })
  return largestOf(text)
}

/** The GPU with the most memory among lines such as `NVIDIA A10, 23028`: a name and mebibytes. */
export function largestOf(text: string): Hello['device']['gpu'] {
  const found = text.split('\n').flatMap((line) => {
    const match = /^(.+), *(\d+)\s*$/.exec(line.trim())
    return match === null
      ? []
      : [{ name: (match[1] as string).trim().slice(0, 128), memoryBytes: Number(match[2]) * 2 ** 20 }]
  })
  return found.toSorted((a, b) => b.memoryBytes - a.memoryBytes)[0]
}
