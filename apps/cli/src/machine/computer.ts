/**
 * What this machine is: its processor, memory, disk and Node.
 * @module
 */
import { readFile, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, freemem, homedir, totalmem } from 'node:os'

export interface Computer {
  readonly platform: string
  readonly node: string
  /** Why this version of Node is not one that everything works on. */
  readonly nodeWarning?: string
  readonly processor: {
    readonly name: string
    readonly threads: number
    readonly instructions: readonly string[]
  }
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number }
  /** Of the home folder, where agents and downloads are kept unless told otherwise. */
  readonly disk: { readonly path: string; readonly freeBytes: number } | null
}

/** What training uses of a processor's instruction sets, under the names of Linux. */
const INSTRUCTIONS = [
  'avx2',
  'fma',
  'f16c',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'amx_tile',
  'asimd',
  'sve',
] as const

/** Looks at the machine. What the system does not tell is left out. */
export async function inspectComputer(): Promise<Computer> {
  const nodeWarning = nodeWarningOf(process.versions.node)
  const path = homedir()
  const disk = await statfs(path).then(
    ({ bavail, bsize }) => ({ path, freeBytes: bavail * bsize }),
    () => null,
  )
  return {
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    ...(nodeWarning === undefined ? {} : { nodeWarning }),
    processor: {
      name: cpus()[0]?.model.trim() ?? 'unknown',
      threads: availableParallelism(),
      instructions: instructionsIn(await readFile('/proc/cpuinfo', 'utf8').catch(() => '')),
    },
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    disk,
  }
}

/** The instruction sets that /proc/cpuinfo lists and training uses. */
export function instructionsIn(cpuinfo: string): readonly string[] {
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(' '))
  return INSTRUCTIONS.filter((name) => flags.has(name))
}

/** What to know about a version of Node; undefined when everything works on it. */
export function nodeWarningOf(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) return 'Lorica needs Node 20.19 or newer'
  if (major === 20 || major === 22 || major === 24) return undefined
  return 'Lorica is tested on Node 20, 22 and 24'
}
