import type { WhoamiView } from '@lorica/protocol'
import { effect, signal } from '@preact/signals'
import { type Deed, may } from '../views/role.js'
import { type ApiError, get } from './api.js'
import { token } from './session.js'

const AGAIN_MS = 3000

/** Who is signed in; null until the coordinator has said so. */
export const me = signal<WhoamiView | null>(null)

/** Why nobody knows yet, while the coordinator does not answer. */
export const silence = signal<string | null>(null)

/** Whether whoever is signed in may do that. */
export const iMay = (deed: Deed): boolean => may(me.value?.role, deed)

/** Asks who holds the token, whenever it changes. */
export function askWhoIAm(): void {
  effect(() => {
    const current = token.value
    me.value = null
    if (current !== null) void askFor(current)
  })
}

async function askFor(current: string): Promise<void> {
  while (token.peek() === current) {
    try {
      me.value = await get<WhoamiView>('/whoami')
      silence.value = null
      return
    } catch (error) {
      const known = error as ApiError
      if (known.status === 401) return
      silence.value = known.told ?? known.message
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }
}
