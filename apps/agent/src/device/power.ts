/**
 * Whether a machine runs on battery, and how warm it is, from what its system tells.
 * @module
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { printedBy } from './tool.js'

/** A power supply as Linux describes it: its folder under /sys/class/power_supply. */
export interface Supply {
  readonly type: string // Mains, USB, Battery, UPS
  readonly online: string // 1: connected
  readonly status: string // Charging, Discharging, Full, …
  readonly scope: string // Device: of a mouse or a pen, not of the machine
}

/** Whether the machine runs on battery; null when nothing tells. A machine without a battery does not. */
export function onBatteryOf(supplies: readonly Supply[]): boolean {
  const own = supplies.filter(({ scope }) => scope !== 'Device')
  const isFed = own.some(({ type, online }) => type !== 'Battery' && online === '1')
  return !isFed && own.some(({ type, status }) => type === 'Battery' && status === 'Discharging')
}

/** What `pmset -g batt` of macOS says. */
export function onBatteryIn(pmset: string): boolean | null {
  const [, source] = /Now drawing from '([^']+)'/.exec(pmset) ?? []
  return source === undefined ? null : source === 'Battery Power'
}

/** Looks whether this machine runs on battery. */
export async function readPower(platform: string, root = '/sys/class/power_supply'): Promise<boolean | null> {
  if (platform === 'darwin') return onBatteryIn(await printedBy('pmset', ['-g', 'batt']))
  if (platform !== 'linux') return null
  const names = await readdir(root).catch(() => undefined)
  if (names === undefined) return null
  const field = async (name: string, of: string) =>
    (await readFile(join(root, name, of), 'utf8').catch(() => '')).trim()
  const supplies = names.map(async (name): Promise<Supply> => {
    const [type, online, status, scope] = await Promise.all([
      ...[field(name, 'type'), field(name, 'online'), field(name, 'status'), field(name, 'scope')],
    ])
    return { type: type ?? '', online: online ?? '', status: status ?? '', scope: scope ?? '' }
  })
  return onBatteryOf(await Promise.all(supplies))
}

/** Degrees Celsius of the hottest zone that Linux measures; null when it measures none. */
export async function readCelsius(platform: string, root = '/sys/class/thermal'): Promise<number | null> {
  if (platform !== 'linux') return null
  const zones = (await readdir(root).catch(() => [])).filter((name) => name.startsWith('thermal_zone'))
  const texts = await Promise.all(
    zones.map((zone) => readFile(join(root, zone, 'temp'), 'utf8').catch(() => '')),
  )
  const degrees = texts.flatMap((text) => (/^-?\d+\s*$/.test(text) ? [Number(text) / 1000] : []))
  return degrees.length === 0 ? null : Math.max(...degrees)
}
