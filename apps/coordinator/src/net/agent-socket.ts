/** The socket of one agent: what socket.io makes, as far as it is used. */
export interface AgentSocket {
  /** The arguments of a listener are what the agent sent and, where it wants an answer, the function that gives it. */
  on(event: string, listener: (...args: never[]) => void): unknown
  onAny(listener: (event: string, ...args: unknown[]) => void): unknown
  eventNames(): readonly (string | symbol)[]
  disconnect(close: boolean): unknown
  /** `emitWithAck` rejects when there is no answer in time. */
  timeout(ms: number): { emitWithAck(event: string, message: unknown): Promise<unknown> }
  readonly handshake: { readonly address: string }
  /** Holds the WebSocket, when there is one. */
  readonly conn: { readonly transport: unknown; close?(): unknown }
}
