/** The newest version of the wire protocol spoken here. It grows by one when an old peer could misread a new one. */
export const PROTOCOL_VERSION = 2

/** Every version spoken here, newest first. A link uses the newest that both sides speak. */
export const spokenVersions = [2, 1] as const
export type ProtocolVersion = (typeof spokenVersions)[number]

/** What this software calls itself in `hello` and in release manifests. */
export const SOFTWARE = 'lorica/0.1.0'
