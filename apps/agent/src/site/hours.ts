/** Hours of the day, such as 22:00-06:00; minutes since midnight, and the end may be on the next day. */
export interface Hours {
  readonly fromMinute: number
  readonly untilMinute: number
}

const pattern = /^([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)$/

/** Reads hours such as 22:00-06:00. Throws TypeError that says what was expected. */
export function parseHours(text: string): Hours {
  const [, fromHour, from, untilHour, until] = pattern.exec(text.trim()) ?? []
  const fromMinute = Number(fromHour) * 60 + Number(from)
  const untilMinute = Number(untilHour) * 60 + Number(until)
  if (Number.isNaN(fromMinute + untilMinute) || fromMinute === untilMinute)
    throw new TypeError(`expected hours such as 22:00-06:00, got "${text.slice(0, 40)}"`)
  return { fromMinute, untilMinute }
}

/** Whether a time of the machine's own clock lies within the hours; their end does not. */
export function isWithin({ fromMinute, untilMinute }: Hours, time: Date): boolean {
  const minute = time.getHours() * 60 + time.getMinutes()
  if (fromMinute < untilMinute) return minute >= fromMinute && minute < untilMinute
  return minute >= fromMinute || minute < untilMinute
}
