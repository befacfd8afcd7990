import type { Reading } from '../site/yielding.js'
import { openLoad, readGpuLoad } from './load.js'
import { readCelsius, readPower } from './power.js'
import { printedBy } from './tool.js'

/** What the machine feels. */
export interface Sensors {
  read(): Promise<Reading>
}

const FIRST_LOOK_MS = 250

/** The sensors of this machine: Linux, macOS, and NVIDIA GPUs; elsewhere nothing is known. */
export function systemSensors(platform: string = process.platform): Sensors {
  const load = openLoad(platform)
  let isFirst = true
  return {
    async read() {
      if (isFirst) {
        isFirst = false
        await load() // a load is that of a while
        await new Promise((resolve) => setTimeout(resolve, FIRST_LOOK_MS))
      }
      const [othersLoad, othersGpuLoad, isOnBattery, ...degrees] = await Promise.all([
        ...([load(), readGpuLoad(), readPower(platform)] as const),
        ...([readCelsius(platform), readGpuCelsius()] as const),
      ])
      const known = degrees.filter((celsius) => celsius !== null)
      return {
        othersLoad,
        othersGpuLoad,
        isOnBattery,
        celsius: known.length === 0 ? null : Math.max(...known),
      }
    },
  }
}

async function readGpuCelsius(): Promise<number | null> {
  const text = await printedBy('nvidia-smi', ['--query-gpu=temperature.gpu', '--format=csv,noheader,nounits'])
  const degrees = text.split('\n').flatMap((line) => (/^\d+\s*$/.test(line) ? [Number(line)] : []))
  return degrees.length === 0 ? null : Math.max(...degrees)
}
