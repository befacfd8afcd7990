import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { latestRelease, latestVersion, releaseIn, type Taken } from '../store/kept-release.js'
import { readTarget } from '../store/target.js'
import { readTrust } from '../store/trust.js'

/** What is to be served on this machine: what the last target names; before the first one, the newest release. */
export interface Wanted {
  readonly name: string
  readonly serial: number | null // of the target; null: there was none yet
  /** Reads and verifies it. Throws LoricaError LRC-6005 or LRC-6007. */
  read(): Promise<Taken>
}

/** What the folder of an agent says now; undefined before the first release. */
export async function wantedIn(folder: string, coordinatorPublicKey: string): Promise<Wanted | undefined> {
  const releases = join(folder, 'releases')
  const trusted = () => readTrust(folder, coordinatorPublicKey, Date.now())
  const held = (await readTarget(folder))?.held ?? null
  if (held !== null)
    return {
      ...{ name: held.name, serial: held.serial },
      read: async () => {
        const taken = await releaseIn(join(releases, held.name), await trusted())
        if (taken.id === held.releaseId) return taken
        throw new LoricaError(
          'LRC-6025',
          `the folder of ${held.name} is of another release than the target names`,
          {
            expected: held.releaseId,
            received: taken.id,
          },
        )
      },
    }
  const version = await latestVersion(releases)
  if (version === 0) return undefined
  return {
    ...{ name: `v${version}`, serial: null },
    read: async () => (await latestRelease(releases, await trusted())) as Taken,
  }
}
