/**
 * Numbers as people read them.
 * @module
 */

export function bytes(sizeBytes: number): string {
  if (sizeBytes < 1000) return `${sizeBytes} B`
  if (sizeBytes < 1e6) return `${(sizeBytes / 1e3).toFixed(1)} kB`
  if (sizeBytes < 1e9) return `${(sizeBytes / 1e6).toFixed(1)} MB`
  return `${(sizeBytes / 1e9).toFixed(2)} GB`
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

export function duration(seconds: number): string {
  if (seconds < 0.1) return `${(seconds * 1000).toFixed(0)} ms`
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  const whole = Math.round(seconds)
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? parts([minutes, 'min'], [whole % 60, 's'])
    : parts([Math.floor(minutes / 60), 'h'], [minutes % 60, 'min'])
}

const parts = (large: readonly [number, string], small: readonly [number, string]): string =>
  [large, ...(small[0] === 0 ? [] : [small])].map((part) => part.join(' ')).join(' ')

/** Rows as aligned columns; the first column to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
}
