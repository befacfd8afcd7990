/**
 * Numbers as the owner of a machine reads them.
 * @module
 */

export function bytes(sizeBytes: number): string {
  if (sizeBytes < 1e6) return `${(sizeBytes / 1e3).toFixed(1)} kB`
  if (sizeBytes < 1e9) return `${(sizeBytes / 1e6).toFixed(1)} MB`
  return `${(sizeBytes / 1e9).toFixed(2)} GB`
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')
