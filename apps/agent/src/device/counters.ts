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
  }
}

async function packageIn(folder: string, name: string): Promise<PackageCounter | undefined> {
  const read = async (file: string) =>
    Number.parseInt(await readFile(join(folder, file), 'utf8').catch(() => ''), 10)
  const [microjoules, range] = await Promise.all([read('energy_uj'), read('max_energy_range_uj')])
  return Number.isFinite(microjoules) && Number.isFinite(range) ? { name, microjoules, range } : undefined
}

/** The sum of lines such as `61.32`; null where a GPU says that it does not know. */
export function wattsIn(text: string): number | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const watts = lines.map((line) => (/^\s*\d+(\.\d+)?\s*$/.test(line) ? Number(line) : Number.NaN))
  const sum = watts.reduce((so, one) => so + one, 0)
  return lines.length === 0 || !Number.isFinite(sum) ? null : sum
}
