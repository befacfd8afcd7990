import type { Agent } from 'node:https'
import { errorOf, LoricaError, refusalSchema } from '@lorica/protocol'
import { NodeWebSocket } from 'socket.io-client'

/** Headers that prove the key of this agent for one connection. */
export type Proof = () => Promise<Readonly<Record<string, string>>>

/** Message of the error after which the coordinator was there but said no. */
export const REFUSED = 'refused'

const REFUSAL_BYTES = 16 * 1024

interface Response extends AsyncIterable<Uint8Array> {
  readonly statusCode?: number
}

export interface ProvenParts {
  readonly proof: Proof
  readonly onRefused: (refusal: LoricaError) => void
  /** Through what to connect: undefined where there is no TLS. */
  readonly trust: () => Promise<Agent | undefined>
}

/**
 * The WebSocket transport of socket.io-client that asks for a fresh proof before each connection, and hands on the
 * refusal that a coordinator sends in place of an upgrade.
 */
export function provenSocket({ proof, onRefused, trust }: ProvenParts): typeof NodeWebSocket {
  return class ProvenSocket extends NodeWebSocket {
    override doOpen(): this {
      Promise.all([proof(), trust()]).then(
        ([headers, agent]) => {
          if (this.readyState !== 'opening') return
          this.opts.extraHeaders = { ...headers }
          if (agent !== undefined) Object.assign(this.opts, { agent })
          super.doOpen()
        },
        (error: unknown) => {
          if (error instanceof LoricaError) onRefused(error)
          this.onError('no challenge', error)
        },
      )
      return this
    }

    override createSocket(...args: Parameters<NodeWebSocket['createSocket']>): unknown {
      const socket = super.createSocket(...args)
      socket.on('unexpected-response', (_request: unknown, response: Response) => {
        readRefusal(response)
          .then((refusal) => {
            if (refusal !== undefined) onRefused(refusal)
          })
          .finally(() => this.onError(REFUSED, new Error(`HTTP status ${response.statusCode}`)))
      })
      return socket
    }

    override doClose(): void {
      if (this.ws !== undefined && this.ws !== null) super.doClose()
    }
  }
}

async function readRefusal(response: Response): Promise<LoricaError | undefined> {
  const parts: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for await (const part of response) {
      sizeBytes += part.byteLength
      if (sizeBytes > REFUSAL_BYTES) return undefined
      parts.push(part)
    }
    const parsed = refusalSchema.safeParse(JSON.parse(Buffer.concat(parts).toString('utf8')))
    return parsed.success ? errorOf(parsed.data) : undefined
  } catch {
    return undefined
  }
}
