import { computed, signal } from '@preact/signals'
import { routeOf } from '../views/route.js'

const hash = signal('')

/** Where in the console the operator is. */
export const place = computed(() => routeOf(hash.value))

/** Follows the address of the page. */
export function followAddress(): void {
  const take = () => {
    hash.value = location.hash
  }
  take()
  addEventListener('hashchange', take)
}

/** Goes to another page of the console. */
export function go(to: string): void {
  location.hash = to
}
