import { fieldOfList, pagePath } from '../views/list-page.js'
import { get } from './api.js'

/** GET of a path below /api/v1; of a list all its pages, as one answer. Throws ApiError. */
export async function read<T>(path: string, signal: AbortSignal): Promise<T> {
  const field = fieldOfList(path)
  if (field === undefined) return await get<T>(path, signal)
  const items: unknown[] = []
  let first: object | undefined
  let cursor: string | undefined
  do {
    const { next, ...page } = await get<Readonly<Record<string, unknown>>>(pagePath(path, cursor), signal)
    items.push(...(page[field] as readonly unknown[]))
    first ??= page
    cursor = next as string | undefined
  } while (cursor !== undefined)
  return { ...first, [field]: items } as T
}
