/** The text that an agent signs to join. `secretSha256` is the hexadecimal SHA-256 of the secret part of the token. */
export function joinText(coordinatorId: string, name: string, secretSha256: string): string {
  return `lorica-join\n${coordinatorId}\n${name}\n${secretSha256}`
}

/** The text that an agent signs to open a connection. */
export function connectText(coordinatorId: string, nonce: string): string {
  return `lorica-connect\n${coordinatorId}\n${nonce}`
}

/** The text that the coordinator signs to confirm that an agent joined. */
export function joinedText(agentId: string): string {
  return agentId
}

/** Names of the headers of the WebSocket upgrade that carry the proof of connectText. */
export const proofHeaders = {
  agent: 'x-lorica-agent', // public key, base64url
  nonce: 'x-lorica-nonce',
  signature: 'x-lorica-signature',
} as const

/** Path of the WebSocket of the fleet. */
export const FLEET_PATH = '/fleet'
