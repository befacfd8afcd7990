const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds of a text such as 500ms, 30s, 30m, 1.5h or 2d. Throws TypeError that names what was expected. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim())
  const durationMs =
    match === null ? Number.NaN : Math.round(Number(match[1]) * unitMs[match[2] as keyof typeof unitMs])
  if (!Number.isSafeInteger(durationMs) || durationMs <= 0) {
    throw new TypeError(`expected a duration such as 30s, 30m or 2h, got "${text.slice(0, 40)}"`)
  }
  return durationMs
}
