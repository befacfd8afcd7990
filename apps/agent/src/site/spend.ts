import { join } from 'node:path'
import type { Charge } from '@lorica/privacy'
import type { TrainAssignment } from '@lorica/protocol'
import { openAccounts } from '../store/accounts.js'
import type { Disk } from '../store/disk.js'
import { readPolicy } from './policy-file.js'

/** How an assignment protects examples. */
export type ExampleDp = NonNullable<TrainAssignment['dp']>

/**
 * Has the examples of this agent pay for noisy steps: written down before they are made. Throws LRC-6021 above the budget of the
 * run or of the site.
 */
export type Spend = (charge: Charge, dp: Pick<ExampleDp, 'epsilon' | 'delta'>) => Promise<void>

/** The account of the agent in a folder, for its files. Its policy is read anew each time. */
export function spendFrom(folder: string, files: readonly string[], disk?: Disk): Spend {
  const accounts = openAccounts(join(folder, 'privacy.json'), disk)
  return async (charge, { epsilon, delta }) => {
    const { privacy } = await readPolicy(folder, disk)
    const own = privacy === undefined ? [] : [{ epsilon: privacy.maxEpsilon, delta: privacy.delta }]
    await accounts.spend(charge, files, [{ epsilon, delta }, ...own])
  }
}
