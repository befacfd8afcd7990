import { join } from 'node:path'
import type { Charge } from '@lorica/privacy'
import type { TrainAssignment } from '@lorica/protocol'
import { openAccounts } from '../store/accounts.js'
import type { Disk } from '../store/disk.js'
import { readPolicy } from './policy-file.js'
import { siteChargeOf } from './site-charge.js'

/** How an assignment protects examples. */
export type ExampleDp = NonNullable<TrainAssignment['dp']>

/**
 * Has the examples of this agent pay for noisy steps: written down before they are made. Throws LRC-6021 above the budget of the
 * run or of the site.
 */
export type Spend = (charge: Charge, dp: Pick<ExampleDp, 'epsilon' | 'delta'>) => Promise<void>

/**
 * Has this site pay for what is about to leave with noise of its agents: written down before it does, whatever becomes of it. Nothing is
 * counted of an assignment without such noise. Throws LRC-6021 above the budget of the site.
 */
export type SpendAsSite = (
  assignment: Pick<TrainAssignment, 'noise' | 'secure' | 'maxUpdateNorm' | 'dp'>,
) => Promise<void>

/** Who pays from one account: what a site spends, the examples in it spend as well. */
export interface Spending {
  readonly asExamples: Spend
  readonly asSite: SpendAsSite
}

/** The account of the agent in a folder, for its files. Its policy is read anew each time. */
export function spendingFrom(folder: string, files: readonly string[], disk?: Disk): Spending {
  const accounts = openAccounts(join(folder, 'privacy.json'), disk)
  return {
    async asExamples(charge, { epsilon, delta }) {
      const { privacy } = await readPolicy(folder, disk)
      const own = privacy === undefined ? [] : [{ epsilon: privacy.maxEpsilon, delta: privacy.delta }]
      await accounts.spend(charge, files, [{ epsilon, delta }, ...own])
    },
    async asSite(assignment) {
      const charge = siteChargeOf(assignment)
      if (charge === undefined) return
      const { siteBudget: own } = await readPolicy(folder, disk)
      await accounts.spend(
        charge,
        files,
        own === undefined ? [] : [{ epsilon: own.maxEpsilon, delta: own.delta }],
      )
    },
  }
}
