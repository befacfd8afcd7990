import { join } from 'node:path'
import { type Controls, openControls } from './controls.js'
import type { Disk } from './disk.js'
import { type Moments, openMoments } from './moments.js'
import { type Outbox, openOutbox } from './outbox.js'
import { openPersonal, type Personal } from './personal.js'
import { openResiduals, type Residuals } from './residuals.js'
import { openSumBook, type SumBook } from './sum-book.js'

/** What an agent keeps of runs from one round to the next, each in a folder of its own. */
export interface Stores {
  readonly outbox: Outbox
  readonly moments: Moments
  readonly residuals: Residuals
  readonly controls: Controls
  readonly personal: Personal
  readonly book: SumBook
  /** Forgets a run that ended, but for its personal parts, which belong to releases, and the book of its sums. */
  drop(runId: string): Promise<void>
}

/** The stores of the folder of an agent. */
export function openStores(folder: string, disk: Disk): Stores {
  const outbox = openOutbox(join(folder, 'outbox'), disk)
  const moments = openMoments(join(folder, 'moments'), disk)
  const residuals = openResiduals(join(folder, 'residuals'), disk)
  const controls = openControls(join(folder, 'controls'), disk)
  const personal = openPersonal(join(folder, 'personal'), disk)
  const book = openSumBook(join(folder, 'sums'), disk)
  return {
    ...{ outbox, moments, residuals, controls, personal, book },
    async drop(runId) {
      const ended = [moments, residuals, controls, outbox].map((store) => store.drop(runId))
      await Promise.all([...ended, personal.ended(runId)])
    },
  }
}
