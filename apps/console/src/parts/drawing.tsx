/** Line drawings of the menu, in the colour of the text around them. */
const paths = {
  runs: 'M4 18l5-6 4 3 7-9M4 21h16',
  fleet: 'M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5h.01M7.5 16.5h.01',
  releases: 'M6 4v10M6 20a3 3 0 100-6 3 3 0 000 6zM18 10a3 3 0 100-6 3 3 0 000 6zM18 10c0 5-6 4-9 5.5',
  rollouts: 'M4 19h4v-5H4zM10 19h4V9h-4zM16 19h4V4h-4z',
  privacy: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z',
  access: 'M8 15a4 4 0 110-8 4 4 0 010 8zM12 11h9M18 11v4M21 11v3',
  audit: 'M6 3h9l4 4v14H6zM10 12h5M10 16h5M14 3v5h5',
  scheme: 'M12 3a9 9 0 109 9 7 7 0 01-9-9z',
  leave: 'M10 4H5v16h5M15 8l4 4-4 4M19 12H9',
} as const

export type DrawingName = keyof typeof paths

export function Drawing({ name, size = 18 }: { readonly name: DrawingName; readonly size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <path
        d={paths[name]}
        stroke="currentColor"
        stroke-width="1.7"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  )
}
