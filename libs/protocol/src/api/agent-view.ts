/** An agent as the operator API shows it. */
export interface AgentView {
  readonly agentId: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly state: 'connected' | 'away' | 'pending' | 'left' // pending: waits for an operator's approval
  readonly joinedAt: string
  readonly software: string | null
  readonly device: {
    readonly kind: string
    readonly name?: string
    readonly threads: number
    readonly memoryBytes: number
    readonly gpu?: { readonly name: string; readonly memoryBytes: number }
  } | null
  readonly dataset: { readonly documents: number; readonly tokens?: number } | null
  readonly doing: {
    readonly kind: 'train' | 'evaluate'
    readonly runId: string
    readonly round: number
  } | null
}
