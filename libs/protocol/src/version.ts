/** The wire protocol spoken here. It grows by one when an old peer could misread a new one. */
export const PROTOCOL_VERSION = 1

/** What this software calls itself in `hello` and in release manifests. */
export const SOFTWARE = 'lorica/0.1.0'
