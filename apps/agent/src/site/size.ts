const units = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 } as const

/** Bytes of a text such as 500MB or 1.5 GB, or of a whole number. Throws TypeError that says what was expected. */
export function parseSize(value: string | number): number {
  const match = /^(\d+(?:\.\d+)?)\s*(B|kB|MB|GB)$/.exec(String(value).trim())
  const sizeBytes =
    typeof value === 'number'
      ? value
      : Math.round(Number(match?.[1]) * units[(match?.[2] ?? 'B') as keyof typeof units])
  if (Number.isSafeInteger(sizeBytes) && sizeBytes >= 0) return sizeBytes
  throw new TypeError(`expected a size such as 500MB or 2GB, got "${String(value).slice(0, 40)}"`)
}
