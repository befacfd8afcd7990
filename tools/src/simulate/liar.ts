import type { FleetSocket } from '@lorica/agent/embed'
import { reachFrom } from './address.js'
import type { Dice } from './dice.js'

type Message = Readonly<Record<string, unknown>>

/** How a liar changes what the agent on its machine says, by message. */
const lies: Readonly<Record<string, readonly ((message: Message, dice: Dice) => Message)[]>> = {
  'update.open': [
    (message) => ({ ...message, tokens: 1_000_000_000_000 }),
    (message) => ({ ...message, sizeBytes: (message.sizeBytes as number) + 1 }),
    (message, dice) => ({ ...message, assignmentId: Buffer.from(dice.bytes(12)).toString('hex') }),
    (message, dice) => ({ ...message, sha256: Buffer.from(dice.bytes(32)).toString('hex') }),
  ],
  'update.chunk': [
    (message, dice) => ({ ...message, bytes: flipped(message.bytes as Uint8Array, dice) }),
    (message, dice) => ({ ...message, offset: (message.offset as number) + dice.whole(2000) }),
    (message) => ({ ...message, uploadId: `${String(message.uploadId)}0` }),
  ],
  'update.close': [(message) => ({ ...message, uploadId: 'nothing' })],
  evaluation: [(message) => ({ ...message, lossSum: -1e300 }), (message) => ({ ...message, tokens: 0 })],
  'blob.read': [(message) => ({ ...message, offset: 2 ** 40 }), (message) => ({ ...message, more: [1] })],
}

const SHARE = 0.15 // of its messages

/** The way of an agent that lies to the coordinator: now and then, and in another way each time. */
export function lyingReach(dice: Dice): typeof reachFrom {
  return (name, agent, parts) => {
    const honest = reachFrom(name, agent, parts)
    return {
      ...honest,
      openSocket(options) {
        const socket = honest.openSocket(options)
        const lie = (event: string, message: unknown): unknown => {
          const ways = lies[event]
          return ways === undefined || !dice.chance(SHARE)
            ? message
            : dice.pick(ways)(message as Message, dice)
        }
        const timeout: FleetSocket['timeout'] = (ms) => {
          const { emitWithAck } = socket.timeout(ms)
          return { emitWithAck: (event, message) => emitWithAck(event, lie(event, message)) }
        }
        return {
          get connected() {
            return socket.connected
          },
          get id() {
            return socket.id
          },
          ...{ on: socket.on, connect: socket.connect, disconnect: socket.disconnect, timeout },
        }
      },
    }
  }
}

function flipped(bytes: Uint8Array, dice: Dice): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = dice.whole(copy.byteLength)
  copy[at] = copy[at]! ^ (1 << dice.whole(8))
  return copy
}
