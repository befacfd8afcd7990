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

/** The text that an agent signs, with the key that it has and with the next one, to change its key. */
export function rotateText(coordinatorId: string, nonce: string, nextPublicKey: string): string {
  return `lorica-rotate\n${coordinatorId}\n${nonce}\n${nextPublicKey}`
}

/**
 * The text that the coordinator signs to say which TLS certificate is its own. `certificateSha256` is the hexadecimal SHA-256 of the
 * certificate, null for none; `nonce` is chosen by whoever asks, so that an answer cannot be kept and shown again.
 */
export function bindingText(coordinatorId: string, nonce: string, certificateSha256: string | null): string {
  return `lorica-certificate\n${coordinatorId}\n${nonce}\n${certificateSha256 ?? 'none'}`
}

/** Names of the headers of the WebSocket upgrade that carry the proof of connectText. */
export const proofHeaders = {
  agent: 'x-lorica-agent', // public key, base64url
  nonce: 'x-lorica-nonce',
  signature: 'x-lorica-signature',
} as const

/** Name of the header of GET /api/v1/coordinator with the nonce of whoever asks: 16 to 64 base64url characters. */
export const nonceHeader = 'x-lorica-nonce'

/** Path of the WebSocket of the fleet. */
export const FLEET_PATH = '/fleet'
