/**
 * Requests that create something and may be sent again: under the same key they create it once.
 * Draft: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * @module
 */
import { createHash, createHmac } from 'node:crypto'
import { canonicalJson, type Identity, LoricaError, signText } from '@lorica/protocol'
import type { JournalEntry } from '../journal/chain.js'
import type { Ledger } from '../ledger.js'
import type { Random } from '../random.js'
import type { RequestMark } from '../request-mark.js'

/** The header that names a request. */
export const KEY_HEADER = 'idempotency-key'

/** What a route that creates something needs to create it once. */
export interface Once {
  /** Goes into the line that creates it. */
  readonly mark: { readonly request?: RequestMark }
  /** The line that an earlier request of this key wrote; undefined: there is none. */
  readonly earlier: JournalEntry | undefined
  /** Of a request with a key: the same bytes each time that it is sent. */
  readonly random: Random
}

/** A request, as far as it tells whether it was sent before. */
export interface Repeatable {
  readonly key: string | undefined // of the header
  readonly operator: string // who sends it
  readonly target: string // method and path
  readonly body: unknown
}

/** Lets requests through that were not sent before, and tells of those that were. */
export interface Repetition {
  /** Calls `act`: of several requests with one key one after the other. Throws LoricaError LRC-1007 or LRC-1014. */
  during<T>(request: Repeatable, act: (once: Once) => Promise<T>): Promise<T>
}

/** What was answered before is known by the journal, and stays known after a restart. */
export function createRepetition({
  ledger,
  identity,
  random,
}: {
  readonly ledger: Pick<Ledger, 'marked'>
  readonly identity: Identity
  readonly random: Random
}): Repetition {
  const running = new Map<string, Promise<unknown>>()
  return {
    async during({ key, operator, target, body }, act) {
      if (key === undefined) return await act({ mark: {}, earlier: undefined, random })
      if (!/^[\x21-\x7e]{1,255}$/.test(key))
        throw new LoricaError('LRC-1007', `header ${KEY_HEADER}: expected 1 to 255 visible characters`, {
          expected: '1 to 255 visible characters, such as a UUID',
          received: `${key.length} characters`,
        })
      const request = {
        keySha256: sha256(`${operator}\n${key}`),
        requestSha256: sha256(`${target}\n${canonicalJson(body ?? null)}`),
      }
      const before = running.get(request.keySha256) ?? Promise.resolve()
      const work = before
        .catch(() => undefined)
        .then(() => {
          const earlier = ledger.marked(request.keySha256)
          expectSame(earlier, request)
          const seed = signText(identity, `lorica request\n${operator}\n${key}\n${request.requestSha256}`)
          return act({ mark: { request }, earlier, random: { ...random, bytes: bytesOf(seed) } })
        })
      running.set(request.keySha256, work)
      try {
        return await work
      } finally {
        if (running.get(request.keySha256) === work) running.delete(request.keySha256)
      }
    },
  }
}

function expectSame(earlier: JournalEntry | undefined, { requestSha256 }: RequestMark): void {
  if (earlier === undefined) return
  const { request } = earlier.event as { readonly request?: RequestMark }
  if (request?.requestSha256 === requestSha256) return
  throw new LoricaError('LRC-1014', `${KEY_HEADER} names another request, which was answered ${earlier.at}`, {
    expected: 'the same request, or another key',
    received: 'another request under this key',
  })
}

/** Bytes that follow from a secret: HMAC-SHA256 of a counter, which goes on from call to call. */
function bytesOf(secret: string): Random['bytes'] {
  let counter = 0
  return (length) => {
    const parts: Buffer[] = []
    for (let made = 0; made < length; made += 32)
      parts.push(createHmac('sha256', secret).update(String(counter++)).digest())
    return Buffer.concat(parts).subarray(0, length)
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex')
