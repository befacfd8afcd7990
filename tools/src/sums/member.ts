import { type FleetSocket, type Host, type PrivateBatches, systemHost } from '@lorica/agent/embed'
import type { Engine, TrainJob } from '@lorica/peft-core'
import { trained } from '../simulate/model.js'

/** The steps of a secure sum, and the first message that an agent sends in each. */
const messages = {
  keys: 'sum.keys',
  shares: 'sum.shares',
  input: 'update.open',
  confirmation: 'sum.confirm',
  reveal: 'sum.reveal',
} as const

export type Step = keyof typeof messages
export const steps = Object.keys(messages) as readonly Step[]

export interface MemberParts {
  readonly index: number // of the agent: what it trains follows from it
  /** The step before which its machine falls silent for good. */
  readonly silentBefore: Step | undefined
  readonly mask: Host['mask']
  readonly hashModel: Host['hashModel']
}

/** This machine for an agent whose training is a function of its number, and whose link may end for good. */
export function memberHost({ index, silentBefore, mask, hashModel }: MemberParts): Host {
  const system = systemHost()
  return {
    ...system,
    ...{ mask, hashModel, openBatches },
    openSocket: (options) => endingBefore(system.openSocket(options), silentBefore),
    startEngine: async () => engineOf(index),
  }
}

function endingBefore(socket: FleetSocket, step: Step | undefined): FleetSocket {
  if (step === undefined) return socket
  let isGone = false
  return {
    get connected() {
      return socket.connected
    },
    get id() {
      return socket.id
    },
    on: (event, listener) => socket.on(event, listener),
    connect: () => (isGone ? undefined : socket.connect()),
    disconnect: () => socket.disconnect(),
    timeout: (ms) => ({
      emitWithAck(event, message) {
        if (event === messages[step]) {
          isGone = true
          socket.disconnect()
        }
        return isGone ? new Promise(() => {}) : socket.timeout(ms).emitWithAck(event, message)
      },
    }),
  }
}

const row = { rows: 1, columns: 4, inputIds: new Int32Array(4) }
const batch = { ...row, attentionMask: row.inputIds, labels: row.inputIds }

function openBatches(): PrivateBatches {
  return {
    training: async (_, { steps: count }) => Array.from({ length: count }, () => batch),
    byExample: async () => {
      throw new RangeError('these agents have no examples to protect')
    },
    heldOut: async () => [batch],
    overlap: async () => {
      throw new RangeError('members of a measured sum have no texts to look up')
    },
  }
}

function engineOf(agent: number): Engine {
  const engine = {
    pid: 1,
    facts: { library: 'none' },
    open: async () => ({}),
    async train({ tensors, frozen }: TrainJob) {
      const found = trained(tensors, { agent, seed: 1, frozen })
      return { tensors: found, losses: Float32Array.of(3, 2), seconds: 1, tokens: 12, rateSum: 3e-3 }
    },
    close: async () => {},
  }
  return engine as unknown as Engine
}
