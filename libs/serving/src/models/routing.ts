/**
 * Which model answers a request: the one that it names, unless a rule sends its task or its tenant elsewhere, and a share of
 * the requests of a name may go to a canary.
 * @module
 */

export interface RoutingRule {
  /** A header of the request, in lower case, such as `x-lorica-tenant`, and what it says. */
  readonly header: string
  readonly value: string
  /** The model that answers. */
  readonly model: string
}

export interface Canary {
  /** The name that requests ask for, and the model that a share of them gets. */
  readonly of: string
  readonly model: string
  /** From 0 to 1. */
  readonly share: number
}

export interface Routing {
  /** Rules for requests that name this model; a request that names another is answered by that. Absent: for all. */
  readonly for?: string | undefined
  /** The first that fits counts. */
  readonly rules: readonly RoutingRule[]
  readonly canaries: readonly Canary[]
}

export const noRouting: Routing = { rules: [], canaries: [] }

export interface RoutedRequest {
  readonly model: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** From [0, 1): below the share of a canary, it answers. */
  readonly draw: number
}

/** The name of the model that answers. */
export function routed({ for: routedModel, rules, canaries }: Routing, request: RoutedRequest): string {
  const isRouted = routedModel === undefined || routedModel === request.model
  const rule = isRouted ? rules.find(({ header, value }) => request.headers[header] === value) : undefined
  const model = rule?.model ?? request.model
  const canary = canaries.find(({ of }) => of === model)
  return canary !== undefined && request.draw < canary.share ? canary.model : model
}
