/** An agent as the operator API shows it. */
export interface AgentView {
  readonly agentId: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly isCordoned: boolean // takes part in no new round
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
  /** The id of a key that it offered in place of its own and that waits for an operator's approval. */
  readonly pendingKeyId: string | null
  /** The last thing about it that somebody should look at, such as duplicate-identity: its key is on two machines. */
  readonly alarm: {
    readonly at: string
    readonly kind: string
    readonly detail: string
    readonly count: number // how often since the line before about the same
  } | null
}
