import type { Policy } from './policy.js'

/** What the machine feels now; null where it cannot be told. */
export interface Reading {
  /** Share of all processor threads that other programs keep busy, 0 to 1. */
  readonly othersLoad: number | null
  /** Share of the busiest GPU that other programs keep busy, 0 to 1. */
  readonly othersGpuLoad: number | null
  readonly isOnBattery: boolean | null
  /** Of the hottest part that has a sensor. */
  readonly celsius: number | null
}

/** What the owner of a machine wants it kept free for. */
export type YieldLimits = Pick<Policy, 'idleOnly' | 'onBattery' | 'maxCelsius' | 'whenUnknown'>

const BUSY = 0.25 // of the processor or the GPU, used by others
const IDLE = 0.15 // below this it goes on
const COOLING = 5 // degrees below the limit at which it goes on

/** Whether anything has to be measured at all. */
export function hasYieldLimits({ idleOnly, onBattery, maxCelsius }: YieldLimits): boolean {
  return idleOnly === true || onBattery === false || maxCelsius !== undefined
}

/**
 * Why a machine is needed for something else, in words without anything private; undefined when it is free. `isYielding`
 * makes it go on a little later than it stopped, so that it does not flutter around a limit.
 */
export function reasonToYield(
  limits: YieldLimits,
  reading: Reading,
  isYielding: boolean,
): string | undefined {
  const { idleOnly, onBattery, maxCelsius, whenUnknown = 'work' } = limits
  const unknown = (what: string) => (whenUnknown === 'yield' ? `it cannot be told ${what}` : undefined)
  const busy = isYielding ? IDLE : BUSY
  const above = (load: number | null, what: string) =>
    load === null || load <= busy
      ? undefined
      : `other programs use ${Math.round(load * 100)} % of the ${what}`
  const { othersLoad, othersGpuLoad, isOnBattery, celsius } = reading
  const reasons = [
    ...(idleOnly === true
      ? [
          above(othersLoad, 'processor') ?? above(othersGpuLoad, 'GPU'),
          othersLoad === null ? unknown('how busy it is') : undefined,
        ]
      : []),
    ...(onBattery === false
      ? [
          isOnBattery === null
            ? unknown('whether it runs on battery')
            : isOnBattery
              ? 'it runs on battery'
              : undefined,
        ]
      : []),
    ...(maxCelsius !== undefined
      ? [heat(celsius, isYielding ? maxCelsius - COOLING : maxCelsius, unknown)]
      : []),
  ]
  return reasons.find((reason) => reason !== undefined)
}

function heat(
  celsius: number | null,
  limit: number,
  unknown: (what: string) => string | undefined,
): string | undefined {
  if (celsius === null) return unknown('how warm it is')
  return celsius > limit ? `it is at ${Math.round(celsius)} °C` : undefined
}
