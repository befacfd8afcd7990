import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../clock.js'
import { type Disk, systemDisk } from '../store/disk.js'
import { readJson, writeJson } from '../store/folder.js'

const trafficSchema = z.strictObject({ day: z.string(), bytes: z.int().min(0) })

/** How many bytes of updates and downloads this machine moved since midnight; it survives a restart. */
export interface Traffic {
  add(sizeBytes: number): void
  today(): number
}

const SAVED_EACH_MS = 2000

/** Opens the count of a folder. A file that is damaged counts as none. */
export async function openTraffic(folder: string, clock: Clock, disk: Disk = systemDisk()): Promise<Traffic> {
  const path = join(folder, 'traffic.json')
  const stored = trafficSchema.safeParse(await readJson(path, disk).catch(() => undefined))
  const now = () => new Date(clock.now())
  let { day, bytes } = stored.success ? stored.data : { day: dayOf(now()), bytes: 0 }
  let isSaving = false
  const roll = (): void => {
    if (day === dayOf(now())) return
    day = dayOf(now())
    bytes = 0
  }
  const save = (): void => {
    isSaving = false
    writeJson(path, { day, bytes }, { disk }).catch(() => {}) // the next one may succeed
  }
  return {
    add(sizeBytes) {
      roll()
      bytes += sizeBytes
      if (isSaving) return
      isSaving = true
      clock.after(SAVED_EACH_MS, save)
    },
    today() {
      roll()
      return bytes
    },
  }
}

/** The day of a date on this machine's clock, such as 2026-11-03. */
function dayOf(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}
