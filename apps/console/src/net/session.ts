import { signal } from '@preact/signals'
import { tokenIn } from '../views/token.js'

const KEY = 'lorica-token'

/** The token of the operator; null: nobody is signed in. It is kept for this tab alone. */
export const token = signal<string | null>(null)

/** Why the last token is gone, in words; null: nobody was turned away. */
export const turnedAway = signal<string | null>(null)

/** Takes a token out of the address, where a link had one, and otherwise the one that this tab has. */
export function openSession(): void {
  const given = tokenIn(location.hash)
  if (given !== undefined) {
    history.replaceState(null, '', `${location.pathname}${location.search}`)
    signIn(given)
  } else token.value = sessionStorage.getItem(KEY)
}

/** Keeps a token for this tab. */
export function signIn(given: string): void {
  sessionStorage.setItem(KEY, given)
  turnedAway.value = null
  token.value = given
}

/** Forgets the token; `why` is shown where the next one is asked for. */
export function signOut(why: string | null = null): void {
  sessionStorage.removeItem(KEY)
  turnedAway.value = why
  token.value = null
}
