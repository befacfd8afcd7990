import type { Hello } from '@lorica/protocol'
import { printedBy } from './tool.js'

const QUERY = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits']

/** The largest NVIDIA GPU of this machine, as its driver's own tool tells; undefined when there is none. */
export async function largestGpu(): Promise<Hello['device']['gpu']> {
  return largestOf(await printedBy('nvidia-smi', QUERY))
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
