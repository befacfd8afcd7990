import type { Identity } from '@lorica/protocol'
import { systemClock } from '../clock.js'
import { type Link, openLink } from '../net/link.js'
import { openSocket } from '../net/socket.js'
import { systemRandom } from '../random.js'
import type { SumMail } from './sum-mail.js'

/** The real link of an agent to a coordinator of secure sums, of which it hears nothing else. */
export function sumLink(url: string, identity: Identity, mail: SumMail): Link {
  return openLink({
    ...{ pin: 'none: there is no TLS', clock: systemClock(), random: systemRandom(), openSocket, url },
    proof: async () => ({ 'x-agent': identity.id }),
    hello: () => ({
      ...{ software: 'test', device: { kind: 'cpu', threads: 2, memoryBytes: 5 } },
      dataset: { documents: 4 },
    }),
    on: {
      ...{ assignment: () => {}, target: () => {}, release: () => {}, trust: () => {}, runEnded: () => {} },
      ...{ connected: () => {}, disconnected: () => {}, refused: () => {} },
      summed: (name, letter) => mail.put(name, letter),
    },
  })
}
