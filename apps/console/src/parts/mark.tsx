/** The mark of Lorica: three bands of a breastplate. */
export function Mark({ size = 22 }: { readonly size?: number }) {
  const bands = [9.5, 15, 20.5].map((y) => `M7 ${y}c3 1.6 6 2.3 9 2.3s6-.7 9-2.3`).join('')
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="currentColor" />
      <path d={bands} fill="none" stroke="var(--surface)" stroke-width="2.6" stroke-linecap="round" />
    </svg>
  )
}
