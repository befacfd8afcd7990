/**
 * Bounds that both sides enforce. A peer that goes beyond one of them loses its connection, never the other side's process.
 * @module
 */
export const limits = {
  frameBytes: 512 * 1024, // one WebSocket frame; twice a chunk, so a chunk and its header always fit
  frameNodes: 4000, // values in one frame, containers and keys included
  frameDepth: 12, // containers inside containers
  chunkBytes: 256 * 1024, // payload of one blob.read or update.chunk
  windowChunks: 8, // chunks sent before the first answer is awaited: what a lost link can cost
  updateBytes: 4 * 1024 ** 3, // one update on disk
  manifestBytes: 480 * 1024, // the signed text of one release
  targetBytes: 4096, // the signed text of one target
  rootBytes: 32 * 1024, // the signed text of one root
  releaseBytes: 4 * 1024 ** 3, // all files of one release
  ackTimeoutMs: 30_000, // an emit without an answer after this has failed
  challengeMs: 30_000, // a nonce for connecting is valid this long
  challengesPending: 1024, // nonces that wait to be used; the oldest goes first
  tokenMs: 7 * 24 * 3600 * 1000, // a join token expires after a week
  sumAgents: 256, // agents of one secure sum: a secret has at most 255 shares, and a list of keys fits into a frame
  keyRotations: 32, // of one agent that are told to others: what comes before counts as unknown
  uploadsPerAgent: 4, // updates that one agent may have half sent
  pingIntervalMs: 15_000,
  pingTimeoutMs: 10_000, // a peer that vanished is noticed in at most 25 s
} as const
