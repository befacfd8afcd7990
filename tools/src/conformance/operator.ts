/** Somebody who may make join links for the coordinator that is looked at, and approve its agents. */
export interface Operator {
  /** A link such as this; with `expires` or `needsApproval`, or for one `name`. */
  invite(wanted: Readonly<Record<string, unknown>>): Promise<string>
  approve(agentId: string): Promise<void>
  /** Every agent that ever joined. */
  agents(): Promise<readonly { readonly name: string; readonly state: string }[]>
}

/** An operator of the coordinator at an address, by the token of an admin. */
export function openOperator(url: string, token: string, waitMs: number): Operator {
  async function ask(path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(waitMs),
    })
    if (!response.ok)
      throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`)
    return await response.json()
  }
  return {
    invite: async (wanted) =>
      ((await ask('/api/v1/agents/invite', wanted)) as { readonly join: string }).join,
    approve: async (agentId) => void (await ask(`/api/v1/agents/${agentId}/approve`, {})),
    agents: async () =>
      ((await ask('/api/v1/agents')) as { readonly agents: Awaited<ReturnType<Operator['agents']>> }).agents,
  }
}
