import type { ReleaseView } from '@lorica/protocol'
import { roundedUp } from '../privacy/steps.js'
import { count } from '../screen/format.js'

/** The promise of a release in one sentence, and what it means; nothing where it has none. */
export function promiseOf({ privacy }: ReleaseView['manifest']): readonly string[] {
  if (privacy === undefined) return []
  const { unit, epsilon, delta, rounds, spent, seen, colluding } = privacy
  const each = unit === 'site' ? 'each site' : 'each example of each site'
  return [
    `${seen === undefined ? '' : `the coordinator only ever saw the sum of at least ${seen} sites' updates, and `}this adapter is (${roundedUp(epsilon)}, ${delta})-private for ${each}`,
    `  at most ${count(rounds)} ${rounds === 1 ? 'round' : 'rounds'} of one site, whoever has every release of the run; over all runs of the fleet epsilon is ${roundedUp(spent)}`,
    ...(colluding === undefined
      ? []
      : [
          `  the sites added the noise themselves: it holds against the coordinator too, while at most ${count(colluding)} of a round work together with it`,
        ]),
  ]
}
