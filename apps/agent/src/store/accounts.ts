import { resolve } from 'node:path'
import { type Account, type Charge, projected, spent, withCharge } from '@lorica/privacy'
import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import { type Disk, systemDisk } from './disk.js'
import { readJson, writeJson } from './folder.js'

const chargeSchema = z.strictObject({
  unit: z.enum(['site', 'example']),
  noiseMultiplier: z.number(),
  samplingRate: z.number(),
  sampling: z.enum(['poisson', 'none']),
  steps: z.int(),
  apart: z.number().min(0).optional(), // of noise that agents share out: how far it is from Gaussian
})
const withoutUndefined = ({ apart, ...charge }: z.output<typeof chargeSchema>): Charge => ({
  ...charge,
  ...(apart === undefined ? {} : { apart }),
})
const accountsSchema = z.strictObject({
  schema: z.literal(1),
  files: z.record(z.string(), z.array(chargeSchema.transform(withoutUndefined))), // by path
})

/** A bound on what a file, or the examples in it, may have spent after a charge, by the unit of that. */
export interface Budget {
  readonly epsilon: number
  readonly delta: number
}

/** What was released about each file of this machine and the examples in it, over all runs, by this machine's own count. */
export interface Accounts {
  /**
   * Adds a charge to each file, on disk before it resolves. Throws LRC-6021, and adds nothing, when one of them would be above a
   * budget; LRC-8003 when the count cannot be read: then nothing is spent.
   */
  spend(charge: Charge, files: readonly string[], budgets: readonly Budget[]): Promise<void>
}

/** The accounts in a file. An agent that is given a file under another path counts it anew. */
export function openAccounts(path: string, disk: Disk = systemDisk()): Accounts {
  const read = async (): Promise<Readonly<Record<string, Account>>> => {
    const stored = await readJson(path, disk)
    if (stored === undefined) return {}
    const result = accountsSchema.safeParse(stored)
    if (result.success) return result.data.files
    throw new LoricaError(
      'LRC-8003',
      `${path}: expected the privacy accounts of an agent, got something else`,
      {
        action: 'Bring the file back from a backup; without it nothing can be promised of the data.',
      },
    )
  }
  let turn: Promise<unknown> = Promise.resolve()
  return {
    spend(charge, files, budgets) {
      const paid = turn.then(() => pay(charge, files, budgets)) // one after another: each counts those before
      turn = paid.catch(() => {})
      return paid
    },
  }

  async function pay(charge: Charge, files: readonly string[], budgets: readonly Budget[]): Promise<void> {
    const known = await read()
    const named = [...new Set(files.map((file) => resolve(file)))]
    for (const budget of budgets) for (const file of named) expectWithin(known[file] ?? [], charge, budget)
    const paid = named.map((file) => [file, withCharge(known[file] ?? [], charge)] as const)
    const accounts = { schema: 1, files: { ...known, ...Object.fromEntries(paid) } }
    await writeJson(path, accounts, { disk, mode: 0o600, isDurable: true })
  }
}

function expectWithin(account: Account, charge: Charge, { epsilon, delta }: Budget): void {
  const next = projected(account, charge, delta)
  if (next !== null && next.epsilon <= epsilon) return
  const before = spent(account, charge.unit, delta)
  const of = charge.unit === 'site' ? 'this site' : 'the examples of this agent'
  const to = next === null ? 'a sum that promises nothing' : shown(next.epsilon)
  throw new LoricaError(
    'LRC-6021',
    `the round would bring ${of} from epsilon ${shown(before?.epsilon ?? 0)} to ${to}, above the budget ${epsilon} at delta ${delta}`,
    { expected: `at most ${epsilon}`, received: to },
  )
}

const shown = (epsilon: number): string => String(Number(epsilon.toPrecision(4)))
