import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Beside an adapter that private training made: what whoever gets it may know of the examples. */
export const PRIVACY_FILE = 'privacy.json'

/** Whether private training made an adapter. */
export function isPrivatelyTrained(adapter: string): boolean {
  return existsSync(join(adapter, PRIVACY_FILE))
}
