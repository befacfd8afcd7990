import { request as plainRequest } from 'node:http'
import { type Agent, request as secureRequest } from 'node:https'
import { errorOfProblem, LoricaError } from '@lorica/protocol'

const TIMEOUT_MS = 15_000
const ANSWER_BYTES = 256 * 1024

export interface Exchange {
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly agent?: Agent | undefined
}

/** One request and the JSON of its answer, whatever its status, with the time of its sender in whole seconds. Throws LoricaError LRC-8002 when nothing answers, or not JSON. */
export async function exchange(
  url: string,
  { method, headers, body, agent }: Exchange,
): Promise<{ readonly status: number; readonly body: unknown; readonly dateMs: number | null }> {
  try {
    const { status, text, date } = await new Promise<{ status: number; text: string; date: string }>(
      (resolve, reject) => {
        const send = url.startsWith('https:') ? secureRequest : plainRequest
        const signal = AbortSignal.timeout(TIMEOUT_MS)
        const sent = send(url, { method, headers, agent, signal }, (response) => {
          const parts: Buffer[] = []
          let sizeBytes = 0
          response.on('data', (part: Buffer) => {
            sizeBytes += part.byteLength
            if (sizeBytes > ANSWER_BYTES) response.destroy(new Error('the answer is too long'))
            parts.push(part)
          })
          response.on('error', reject)
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              text: Buffer.concat(parts).toString('utf8'),
              date: response.headers.date ?? '',
            }),
          )
        })
        sent.on('error', reject)
        sent.end(body)
      },
    )
    const dateMs = Date.parse(date)
    return { status, body: JSON.parse(text), dateMs: Number.isNaN(dateMs) ? null : dateMs }
  } catch (cause) {
    if (cause instanceof LoricaError) throw cause
    throw new LoricaError('LRC-8002', `no coordinator answers at ${new URL(url).origin}`, {
      expected: 'a running coordinator',
      received: (cause as Error).message,
      action: 'Check the address and that the coordinator runs.',
      cause,
    })
  }
}

/** The body of an answer that is good. Throws the error of its problem document otherwise. */
export function goodBody(
  url: string,
  { status, body }: { readonly status: number; readonly body: unknown },
): unknown {
  if (status === 200 || status === 201) return body
  throw errorOfProblem(body) ?? new LoricaError('LRC-8002', `${url} answered with HTTP status ${status}`)
}
