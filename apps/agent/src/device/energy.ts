/**
 * What training takes of the grid: counters where the machine has them, else a guess that says so.
 * @module
 */
import { availableParallelism } from 'node:os'
import type { Energy } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Counters, PackageCounter } from './counters.js'

/** Energy from `begin` to `stop`: of the whole machine, whoever else uses it. */
export interface EnergyReading {
  /** Reads no more. */
  stop(): Promise<void>
  /** What was taken, once it has stopped. `seconds` of training are what a guess goes by. */
  taken(seconds: number): Energy
}

export interface EnergyMeter {
  begin(): EnergyReading
}

const READ_MS = 5000
const WATTS_A_THREAD = 8 // of a processor under load, memory and losses included; a guess

/** Power at a moment. */
interface Power {
  readonly watts: number
  readonly atMs: number
}

/** A meter of this machine, whose training uses `threads`; all that there are unless given. */
export function energyMeter(
  { counters, clock }: { readonly counters: Counters; readonly clock: Pick<Clock, 'monotonicMs' | 'every'> },
  threads: number = availableParallelism(),
): EnergyMeter {
  return {
    begin() {
      let packages: readonly PackageCounter[] = []
      let power: Power | null = null
      let isFirst = true
      let processorJoules: number | null = null
      let gpuJoules: number | null = null

      async function read(): Promise<void> {
        const asksGpu = isFirst || power !== null
        const [nextPackages, watts] = await Promise.all([
          counters.packages(),
          asksGpu ? counters.gpuWatts() : null,
        ])
        const nextPower = watts === null ? null : { watts, atMs: clock.monotonicMs() }
        if (packages.length > 0 && nextPackages.length > 0)
          processorJoules = (processorJoules ?? 0) + joulesBetween(packages, nextPackages)
        if (power !== null && nextPower !== null) gpuJoules = (gpuJoules ?? 0) + joulesOver(power, nextPower)
        isFirst = false
        packages = nextPackages
        power = nextPower
      }

      let last = read()
      const cancel = clock.every(READ_MS, () => {
        last = last.then(read)
      })
      return {
        async stop() {
          cancel()
          last = last.then(read)
          await last
        },
        taken(seconds) {
          const joules = (processorJoules ?? 0) + (gpuJoules ?? 0)
          if (processorJoules !== null && gpuJoules !== null) return { joules, source: 'rapl+nvml' }
          if (processorJoules !== null) return { joules, source: 'rapl' }
          if (gpuJoules !== null) return { joules, source: 'nvml' } // of the GPU alone
          return { joules: seconds * threads * WATTS_A_THREAD, source: 'estimated' }
        },
      }
    },
  }
}

/** Joules between two readings, each counter having started again at most once. */
export function joulesBetween(before: readonly PackageCounter[], after: readonly PackageCounter[]): number {
  const taken = after.map(({ name, microjoules, range }) => {
    const start = before.find((one) => one.name === name)?.microjoules
    if (start === undefined) return 0
    return microjoules >= start ? microjoules - start : microjoules - start + range
  })
  return taken.reduce((sum, one) => sum + one, 0) / 1e6
}

/** Joules between two moments, the power having changed evenly. */
function joulesOver(before: Power, after: Power): number {
  return ((before.watts + after.watts) / 2) * ((after.atMs - before.atMs) / 1000)
}
