import { asLoricaError, type LoricaError } from '@lorica/protocol'
import type { Clock } from '../clock.js'
import type { Claim } from './claim.js'
import type { Store } from './store.js'

/** The lead of a store, renewed until it is released or lost. */
export interface Lead {
  readonly epoch: number
  /** Resolves when another coordinator has taken the lead: nothing more may be promised. */
  readonly lost: Promise<LoricaError>
  release(): Promise<void>
}

const RENEWALS = 4 // in the time of a lease

/** Takes the lead of a store and keeps it. Throws LoricaError LRC-5003 while another coordinator has it, and as `Store.lead`. */
export async function takeLead(store: Store, claim: Claim, clock: Pick<Clock, 'after'>): Promise<Lead> {
  const epoch = await store.lead(claim)
  let lose: (error: LoricaError) => void = () => {}
  const lost = new Promise<LoricaError>((resolve) => {
    lose = resolve
  })
  let cancel = () => {}
  let isOver = false
  const renewLater = (): void => {
    cancel = clock.after(claim.leaseMs / RENEWALS, () => {
      store.renew(epoch).then(
        () => isOver || renewLater(),
        (cause: unknown) => {
          const error = asLoricaError(cause)
          if (error.code === 'LRC-5008') lose(error)
          else if (!isOver) renewLater()
        },
      )
    })
  }
  renewLater()
  return {
    epoch,
    lost,
    async release() {
      isOver = true
      cancel()
      await store.release(epoch).catch(() => undefined) // it lapses by itself
    },
  }
}
