/**
 * How an agent knows that a TLS connection ends at its coordinator: the key that its join link pins vouches for the certificate.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import { Agent, type RequestOptions } from 'node:https'
import type { Socket } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import {
  bindingText,
  fingerprintOf,
  LoricaError,
  nonceHeader,
  parseBinding,
  verifyText,
} from '@lorica/protocol'
import { exchange } from './exchange.js'

const trusted = new Map<string, Promise<PinnedAgent>>()

/**
 * The agent of node:https through which a coordinator is spoken to, or undefined where there is no TLS. The first time, and whenever
 * the certificate has changed, the coordinator is asked to sign for it, before anything is sent that is not for everybody.
 * `pin` is the fingerprint of the coordinator's key. Throws LoricaError LRC-2018 when the certificate is another's, LRC-2008
 * when another coordinator answers, LRC-8002 when nobody does.
 */
export async function trustedAgent(url: string, pin: string): Promise<Agent | undefined> {
  const { protocol, origin } = new URL(url)
  if (protocol !== 'https:') return undefined
  const key = `${origin} ${pin}`
  const known = trusted.get(key)
  if (
    known !== undefined &&
    !(await known.then(
      ({ isStale }) => isStale,
      () => true,
    ))
  )
    return known
  const asked = askFor(url, pin)
  trusted.set(key, asked)
  return asked
}

/** Opens TLS connections to whoever shows one certificate, and to nobody else. */
class PinnedAgent extends Agent {
  readonly #certificateSha256: string
  isStale = false

  constructor(certificateSha256: string) {
    super({ keepAlive: true, maxCachedSessions: 0 })
    this.#certificateSha256 = certificateSha256
  }

  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, socket: never) => void,
  ): never {
    open(options as ConnectionOptions).then(
      ({ socket, certificateSha256 }) => {
        if (certificateSha256 === this.#certificateSha256) return done?.(null, socket as never)
        this.isStale = true // asked again before the next connection
        socket.destroy()
        done?.(wrongCertificate(this.#certificateSha256, certificateSha256), undefined as never)
      },
      (error: Error) => done?.(error, undefined as never),
    )
    return undefined as never // the socket comes by `done`
  }
}

async function askFor(url: string, pin: string): Promise<PinnedAgent> {
  const nonce = randomBytes(24).toString('base64url')
  const seen = { certificateSha256: '', isKnownAuthority: false }
  const once = new Agent({ maxCachedSessions: 0 })
  once.createConnection = ((
    options: ConnectionOptions,
    done: (error: Error | null, socket?: Socket) => void,
  ) => {
    open(options).then(
      (opened) => {
        Object.assign(seen, opened)
        done(null, opened.socket)
      },
      (error: Error) => done(error),
    )
  }) as never
  const headers = { [nonceHeader]: nonce }
  const { status, body } = await exchange(`${url}/api/v1/coordinator`, {
    method: 'GET',
    headers,
    agent: once,
  })
  once.destroy()
  if (status === 404 && seen.isKnownAuthority) return new PinnedAgent(seen.certificateSha256) // version 1, behind a proxy
  const binding = parseBinding(body)
  const { coordinatorPublicKey, coordinatorId, certificateSha256, signature } = binding
  const text = bindingText(coordinatorId, nonce, certificateSha256)
  if (fingerprintOf(coordinatorPublicKey) !== pin || !verifyText(coordinatorPublicKey, text, signature)) {
    throw new LoricaError('LRC-2008', 'the coordinator that answered has another key than the join link', {
      expected: `key fingerprint ${pin}`,
      received: `key fingerprint ${fingerprintOf(coordinatorPublicKey)}`,
    })
  }
  const isOurs =
    certificateSha256 === null ? seen.isKnownAuthority : certificateSha256 === seen.certificateSha256
  if (isOurs) return new PinnedAgent(seen.certificateSha256)
  throw wrongCertificate(certificateSha256 ?? 'one of a known authority', seen.certificateSha256)
}

interface Opened {
  readonly socket: TLSSocket
  readonly certificateSha256: string
  /** Whether an authority that this machine trusts gave the certificate, for the host that was asked. */
  readonly isKnownAuthority: boolean
}

function open(options: ConnectionOptions): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...options, rejectUnauthorized: false, session: undefined })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      const certificate = socket.getPeerCertificate()
      const host = options.servername || options.host || ''
      const isNamed = checkServerIdentity(host, certificate) === undefined
      resolve({
        socket,
        certificateSha256: createHash('sha256').update(certificate.raw).digest('hex'),
        isKnownAuthority: socket.authorized && isNamed,
      })
    })
  })
}

function wrongCertificate(expected: string, received: string): LoricaError {
  return new LoricaError('LRC-2018', 'the TLS certificate is not the one of the coordinator', {
    expected,
    received,
  })
}
