/**
 * What this machine counts of its own energy.
 * @module
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { printedBy } from './tool.js'

/** A counter of a package of processors, in microjoules; it starts again at 0 after `range`. */
export interface PackageCounter {
  readonly name: string
  readonly microjoules: number
  readonly range: number
}

/** Readings of energy. */
export interface Counters {
  /** Of the processors; none where the system has none, or does not show them. */
  packages(): Promise<readonly PackageCounter[]>
  /** The power of all NVIDIA GPUs in watts; null where there is none, or it does not say. */
  gpuWatts(): Promise<number | null>
  /** The bytes that a process has of the memory of NVIDIA GPUs; null where the driver does not say, as in a container or on Windows. */
  gpuBytes(pid: number): Promise<number | null>
}

/**
 * Of Linux: RAPL under /sys/class/powercap, which only root may read on most systems, and nvidia-smi.
 * https://www.kernel.org/doc/html/latest/power/powercap/powercap.html
 */
export function systemCounters(root = '/sys/class/powercap'): Counters {
  return {
    async packages() {
      const names = (await readdir(root).catch(() => [])).filter((name) => /^intel-rapl:\d+$/.test(name))
      const found = await Promise.all(names.toSorted().map((name) => packageIn(join(root, name), name)))
      return found.filter((one) => one !== undefined)
    },
    gpuWatts: async () =>
      wattsIn(await printedBy('nvidia-smi', ['--query-gpu=power.draw', '--format=csv,noheader,nounits'])),
    gpuBytes: async (pid) =>
      gpuBytesIn(
        await printedBy('nvidia-smi', [
          '--query-compute-apps=pid,used_memory',
          '--format=csv,noheader,nounits',
        ]),
        pid,
      ),
  }
}

async function packageIn(folder: string, name: string): Promise<PackageCounter | undefined> {
  const read = async (file: string) =>
    Number.parseInt(await readFile(join(folder, file), 'utf8').catch(() => ''), 10)
  const [microjoules, range] = await Promise.all([read('energy_uj'), read('max_energy_range_uj')])
  return Number.isFinite(microjoules) && Number.isFinite(range) ? { name, microjoules, range } : undefined
}

/** The bytes of a process among lines such as `4711, 1536`, its id and mebibytes, one for each GPU; null where it is in none, or one does not say. */
export function gpuBytesIn(text: string, pid: number): number | null {
  const own = text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s*,\s*(.*?)\s*$/.exec(line)
    return match !== null && Number(match[1]) === pid ? [match[2] ?? ''] : []
  })
  if (own.length === 0 || !own.every((used) => /^\d+$/.test(used))) return null
  return own.reduce((sum, used) => sum + Number(used) * 2 ** 20, 0)
}

/** The sum of lines such as `61.32`; null where a GPU says that it does not know. */
export function wattsIn(text: string): number | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const watts = lines.map((line) => (/^\s*\d+(\.\d+)?\s*$/.test(line) ? Number(line) : Number.NaN))
  const sum = watts.reduce((so, one) => so + one, 0)
  return lines.length === 0 || !Number.isFinite(sum) ? null : sum
}
