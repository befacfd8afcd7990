import { agentCodes } from './agent-codes.js'
import { commandCodes } from './command-codes.js'
import { fleetCodes } from './fleet-codes.js'
import { learningCodes } from './learning-codes.js'
import { runCodes } from './run-codes.js'
import { storeCodes } from './store-codes.js'
import { trustCodes } from './trust-codes.js'
import { updateCodes } from './update-codes.js'
import { wireCodes } from './wire-codes.js'

/** The page behind one code: a title, what it means, and what to do about it. */
export interface CodePage {
  readonly title: string
  readonly meaning: string
  readonly action: string
}

/** Every code that a Lorica program can show, by area: 1 wire, 2 fleet, 3 runs, 4 updates, 5 store, 6 agent, 7 learning, 8 commands, 9 ours. */
export const codes = {
  ...wireCodes,
  ...fleetCodes,
  ...runCodes,
  ...updateCodes,
  ...storeCodes,
  ...agentCodes,
  ...trustCodes,
  ...learningCodes,
  ...commandCodes,
} as const satisfies Record<string, CodePage>

/** A stable reason that a caller may branch on. Adding one is a minor release; removing one is a major release. */
export type ErrorCode = keyof typeof codes

/** Whether `text` is a code of this version. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(codes, text)
}

/** The page of one code, or undefined when this version does not know it. Takes `LRC-2003`, `lrc-2003` and `2003`. */
export function explain(code: string): (CodePage & { readonly code: ErrorCode }) | undefined {
  const wanted = code.trim().toUpperCase()
  const full = wanted.startsWith('LRC-') ? wanted : `LRC-${wanted}`
  return isErrorCode(full) ? { code: full, ...codes[full] } : undefined
}
