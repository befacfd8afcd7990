import { computed, signal } from '@preact/signals'

const KEY = 'lorica-scheme'

/** What the operator chose; auto follows the machine. */
export const chosenScheme = signal<'auto' | 'light' | 'dark'>('auto')
const isDarkOutside = signal(false)

/** The colours that are shown. */
export const scheme = computed(() =>
  chosenScheme.value === 'auto' ? (isDarkOutside.value ? 'dark' : 'light') : chosenScheme.value,
)

/** Takes the colours that were chosen last, and follows the machine otherwise. */
export function openScheme(): void {
  const outside = matchMedia('(prefers-color-scheme: dark)')
  isDarkOutside.value = outside.matches
  outside.addEventListener('change', ({ matches }) => {
    isDarkOutside.value = matches
  })
  const kept = localStorage.getItem(KEY)
  choose(kept === 'light' || kept === 'dark' ? kept : 'auto')
}

/** The other colours than those that are shown. */
export function turnScheme(): void {
  choose(scheme.value === 'dark' ? 'light' : 'dark')
}

function choose(next: 'auto' | 'light' | 'dark'): void {
  chosenScheme.value = next
  if (next === 'auto') return
  document.documentElement.dataset.scheme = next
  localStorage.setItem(KEY, next)
}
