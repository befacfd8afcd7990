/** One thing that a check found. */
export interface Problem {
  readonly file: string // relative to the root of the repository, with forward slashes
  readonly line?: number // from 1
  readonly message: string // what was expected, what stands there, what to do
}

/** A problem as one line that editors can jump to. */
export function problemLine({ file, line, message }: Problem): string {
  return `${file}${line === undefined ? '' : `:${line}`}: ${message}`
}
