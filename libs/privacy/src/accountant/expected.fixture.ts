import { readFileSync } from 'node:fs'
import type { Phase } from './phase.js'

interface Case {
  readonly phases: readonly Phase[]
  readonly delta: number
  readonly rdp: number
  readonly order: number
  /** Below and above the truth. */
  readonly pldLower: number
  readonly pldUpper: number
}

/** What dp_accounting and scipy compute: accountant.expected.py. */
export const expected = JSON.parse(
  readFileSync(new URL('accountant.expected.json', import.meta.url), 'utf8'),
) as {
  readonly cases: readonly Case[]
  readonly mixed: readonly Case[]
  readonly normal: readonly { readonly z: number; readonly logCdf: number }[]
}
