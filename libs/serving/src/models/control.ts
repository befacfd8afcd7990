/**
 * What changes over HTTP what is served: adapters come, go, and go back to what they were; requests are routed.
 * @module
 */
import { z } from 'zod'
import { invalid } from '../api/api-error.js'
import { parseBody } from '../api/sampling-fields.js'
import type { Paths } from '../net/server.js'
import { adapterOffer } from './adapter-offer.js'
import type { Routing } from './routing.js'
import type { Shelf } from './shelf.js'

const name = z.string().regex(/^[\w.:/-]{1,100}$/, 'expected up to 100 letters, digits and . : / - _')

const loaded = z.object({ name, path: z.string().min(1), version: z.string().max(100).optional() })

const routing = z.strictObject({
  for: z.string().optional(),
  rules: z
    .array(
      z.strictObject({
        header: z.string().regex(/^[a-z0-9-]+$/, 'expected the name of a header in lower case'),
        value: z.string(),
        model: name,
      }),
    )
    .max(100)
    .default([]),
  canaries: z
    .array(z.strictObject({ of: name, model: name, share: z.number().min(0).max(1) }))
    .max(100)
    .default([]),
})

export interface Controlled {
  readonly shelf: Shelf
  route(routing: Routing): void
}

/**
 * `POST /admin/adapters` with a name and the path of a folder on this machine, `…/undo` and `…/remove` with a name, and
 * `/admin/routing` with all rules and canaries from now on.
 */
export function controlPaths(model: string, { shelf, route }: Controlled): Paths {
  const named = (body: unknown): string => parseBody(z.object({ name }), body).name
  return {
    'POST /admin/adapters': async (body) => {
      const { name, path, version } = parseBody(loaded, body)
      const { key: _, ...placed } = await refusedAsInvalid(async () =>
        shelf.put(name, await adapterOffer(model, path, version)),
      )
      return placed
    },
    'POST /admin/adapters/undo': async (body) => {
      const { key: _, ...served } = await shelf.undo(named(body))
      return served
    },
    'POST /admin/routing': (body) => {
      const next = parseBody(routing, body)
      const unknown = [...next.rules, ...next.canaries].find((one) => shelf.find(one.model) === undefined)
      if (unknown !== undefined) throw invalid(`expected a model that is served, got "${unknown.model}"`)
      route(next)
      return next
    },
    'POST /admin/adapters/remove': async (body) => {
      await shelf.remove(named(body))
      return { removed: named(body) }
    },
  }
}

/** An adapter that does not fit is the fault of who offers it. */
async function refusedAsInvalid<T>(change: () => Promise<T>): Promise<T> {
  try {
    return await change()
  } catch (cause) {
    if (cause instanceof RangeError || (cause as { reason?: string }).reason === 'refused')
      throw invalid((cause as Error).message, { code: 'adapter_refused' })
    throw cause
  }
}
