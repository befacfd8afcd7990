/**
 * What changes the shelf over HTTP: adapters come, go, and go back to what they were.
 * @module
 */
import { z } from 'zod'
import { invalid } from '../api/api-error.js'
import { parseBody } from '../api/sampling-fields.js'
import type { Paths } from '../net/server.js'
import { adapterOffer } from './adapter-offer.js'
import type { Shelf } from './shelf.js'

const name = z.string().regex(/^[\w.:/-]{1,100}$/, 'expected up to 100 letters, digits and . : / - _')

const loaded = z.object({ name, path: z.string().min(1), version: z.string().max(100).optional() })

/** `POST /admin/adapters` with a name and the path of a folder on this machine, `…/undo` and `…/remove` with a name. */
export function controlPaths(model: string, shelf: Shelf): Paths {
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
