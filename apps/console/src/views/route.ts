/** A page of the console, and what it is about. */
export type Route =
  | { readonly page: 'runs' | 'new-run' | 'fleet' | 'releases' | 'rollouts' | 'privacy' | 'access' | 'audit' }
  | { readonly page: 'new-rollout'; readonly release: string | null }
  | { readonly page: 'run' | 'agent' | 'release' | 'rollout'; readonly id: string }
  | { readonly page: 'round'; readonly id: string; readonly round: number }
  | { readonly page: 'compare'; readonly from: string; readonly to: string }
  | { readonly page: 'nowhere' }

const lists = ['runs', 'fleet', 'releases', 'rollouts', 'privacy', 'access', 'audit'] as const
const singles = { runs: 'run', fleet: 'agent', releases: 'release', rollouts: 'rollout' } as const

/** The page that an address fragment names, such as `#/runs/demo-1`; the first page for none. */
export function routeOf(fragment: string): Route {
  const [first = '', second, third, fourth, ...rest] = fragment
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded)
  if (first === '') return { page: 'runs' }
  const list = lists.find((name) => name === first)
  if (list === undefined || rest.length > 0) return { page: 'nowhere' }
  if (second === undefined || second === '') return { page: list }
  if (list === 'runs' && second === 'new' && third === undefined) return { page: 'new-run' }
  if (list === 'rollouts' && second === 'new' && fourth === undefined)
    return { page: 'new-rollout', release: third ?? null }
  if (list === 'runs' && third === 'rounds' && fourth !== undefined) {
    return /^[1-9]\d{0,5}$/.test(fourth)
      ? { page: 'round', id: second, round: Number(fourth) }
      : { page: 'nowhere' }
  }
  if (list === 'releases' && second === 'compare' && third !== undefined && fourth !== undefined)
    return { page: 'compare', from: third, to: fourth }
  if (third !== undefined || list === 'privacy' || list === 'access' || list === 'audit')
    return { page: 'nowhere' }
  return { page: singles[list], id: second }
}

/** The address fragment of a page, from its parts. */
export function linkTo(...parts: readonly (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(part)).join('/')}`
}

/** The entry of the menu that a page belongs to. */
export function sectionOf({ page }: Route): (typeof lists)[number] | undefined {
  if (page === 'new-run' || page === 'run' || page === 'round') return 'runs'
  if (page === 'agent') return 'fleet'
  if (page === 'release' || page === 'compare') return 'releases'
  if (page === 'rollout' || page === 'new-rollout') return 'rollouts'
  return lists.find((name) => name === page)
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
