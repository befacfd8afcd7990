import type { Identity, LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Disk } from '../store/disk.js'
import { dropNextIdentity, readIdentity, readNextIdentity, writeIdentity } from './identity.js'

/** Which of its keys an agent proves: the next one once there is one, the one before while that is not taken yet. */
export interface Keyring {
  /** The key for the next connection. */
  choose(): Promise<Identity>
  /** The key that the coordinator knows the agent by: that of the latest connection. */
  current(): Promise<Identity>
  /** The connection with the key that was chosen last is open: that key is the only one from now on. */
  accepted(): Promise<void>
  /** Hears a refusal, and says whether it was about the next key, so that there is another to try. */
  refused(refusal: LoricaError): boolean
}

const RETRY_MS = 60_000 // before the next key is tried again
const NOT_TAKEN = ['LRC-2004', 'LRC-2006', 'LRC-2013']

/** The keys in a folder; `known` stands for the first of them as long as the folder has none. */
export function openKeyring(
  folder: string,
  known: Identity,
  { clock, disk }: { clock: Clock; disk: Disk },
): Keyring {
  let chosen: 'known' | 'next' = 'known'
  let notBeforeMs = Number.NEGATIVE_INFINITY
  return {
    async choose() {
      const next = clock.monotonicMs() < notBeforeMs ? undefined : await readNextIdentity(folder, disk)
      chosen = next === undefined ? 'known' : 'next'
      return next ?? (await readIdentity(folder, disk)) ?? known
    },
    current: async () => (await readIdentity(folder, disk)) ?? known,
    async accepted() {
      const next = chosen === 'next' ? await readNextIdentity(folder, disk) : undefined
      if (next === undefined) return
      await writeIdentity(folder, next, disk)
      await dropNextIdentity(folder, disk)
    },
    refused({ code }) {
      if (chosen !== 'next' || !NOT_TAKEN.includes(code)) return false
      notBeforeMs = clock.monotonicMs() + RETRY_MS
      return true
    },
  }
}
