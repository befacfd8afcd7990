/**
 * Webhooks over HTTP, in the form of Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` over both and the body.
 * https://www.standardwebhooks.com
 * @module
 */
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import type { Clock } from '../clock.js'
import type { Answer, Webhooks } from '../rollouts/calling.js'
import type { Delivery } from '../rollouts/webhook.js'

const MOST_ANSWER_BYTES = 16_384

const fileSchema = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
  z.strictObject({
    url: z.url({ protocol: /^https?$/ }),
    secretFile: z.string().min(1).optional(), // relative to this file
    secretEnv: z.string().min(1).optional(),
  }),
)

export interface Webhook {
  readonly url: string
  readonly key: Uint8Array
}

/** The signature of a message: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. */
export function webhookSignature(key: Uint8Array, id: string, timestamp: number, body: string): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

/** The bytes of a secret: of base64 after `whsec_`, or as it is. */
export function webhookKey(secret: string): Uint8Array {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret)
}

/**
 * The webhooks of a JSON file, by name: `{ "ci": { "url": "https://…", "secretFile": "ci.key" } }`. Throws LoricaError LRC-8001 for a file that cannot be used, plain HTTP to
 * another machine, and a secret of less than 16 bytes.
 */
export async function readWebhooks(
  path: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ReadonlyMap<string, Webhook>> {
  const refused = (message: string, expected: string): LoricaError =>
    new LoricaError('LRC-8001', `--webhooks ${path}: ${message}`, { expected })
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw refused(`cannot be read: ${cause.message}`, 'a JSON file')
  })
  const shape = '{ "NAME": { "url": "https://…", "secretFile": F or "secretEnv": V } }'
  const parsed = fileSchema.safeParse(jsonOf(text))
  if (!parsed.success) throw refused(z.prettifyError(parsed.error), shape)
  const hooks = await Promise.all(
    Object.entries(parsed.data).map(async ([name, { url, secretFile, secretEnv }]) => {
      if ((secretFile === undefined) === (secretEnv === undefined))
        throw refused(`"${name}" has no secret, or two`, 'either secretFile or secretEnv')
      const { protocol, hostname, username } = new URL(url)
      if (username !== '') throw refused(`"${name}" has a password in its url`, 'a url without one')
      if (protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname))
        throw refused(`"${name}" is plain HTTP to another machine`, 'https://…')
      const secret =
        secretFile === undefined
          ? environment[secretEnv as string]
          : await readFile(resolve(dirname(path), secretFile), 'utf8').catch(() => undefined)
      const key = webhookKey((secret ?? '').trim())
      if (key.length < 16)
        throw refused(`"${name}" has no secret of 16 bytes or more`, secretFile ?? `$${secretEnv}`)
      return [name, { url, key }] as const
    }),
  )
  return new Map(hooks)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Posts to the webhooks of a coordinator, and to no other address: redirects are not followed. */
export function createWebhooks(hooks: ReadonlyMap<string, Webhook>, clock: Pick<Clock, 'now'>): Webhooks {
  return {
    names: [...hooks.keys()],
    async post(delivery) {
      const hook = hooks.get(delivery.hook.hook)
      if (hook === undefined) return failure('it is not known', false)
      return await postTo(hook, delivery, Math.floor(clock.now() / 1000)).catch((error: Error) =>
        failure(
          error.name === 'TimeoutError'
            ? `no answer in ${delivery.hook.timeoutMs / 1000} s`
            : 'it cannot be reached',
          true,
        ),
      )
    },
  }
}

async function postTo(
  { url, key }: Webhook,
  { id, body, hook }: Delivery,
  timestamp: number,
): Promise<Answer> {
  const response = await fetch(url, {
    ...{ method: 'POST', body, redirect: 'manual', signal: AbortSignal.timeout(hook.timeoutMs) },
    headers: {
      'content-type': 'application/json',
      'user-agent': 'lorica-coordinator',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': webhookSignature(key, id, timestamp, body),
    },
  })
  const { status } = response
  if (!response.ok) {
    await response.body?.cancel()
    return failure(`it answered ${status}`, status === 408 || status === 429 || status >= 500)
  }
  return { kind: 'answered', text: await textOf(response) }
}

/** The answer, up to a bound; one that goes on beyond it is no answer that is known. */
async function textOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of body ?? []) {
    parts.push(part as Uint8Array)
    size += (part as Uint8Array).length
    if (size > MOST_ANSWER_BYTES) break
  }
  return size > MOST_ANSWER_BYTES ? '' : Buffer.concat(parts).toString('utf8')
}

const failure = (reason: string, mayTryAgain: boolean): Answer => ({ kind: 'failed', reason, mayTryAgain })
