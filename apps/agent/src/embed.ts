/**
 * What it takes to run an agent somewhere else than on this machine: in a simulation.
 * @module
 */
export { type Agent, type AgentOptions, runAgent } from './agent.js'
export type { Clock } from './clock.js'

export { type Host, systemHost } from './host.js'
export type { Membership } from './membership/membership.js'
export { enrol, type Post } from './net/enrolment.js'
export { REFUSED } from './net/proven-socket.js'
export type { FleetSocket, SocketOptions } from './net/socket.js'
export type { PrivateBatches } from './private/batches.js'
export type { Random } from './random.js'
export type { AgentEvent } from './report.js'
export { openTraffic } from './site/traffic.js'
export type { Disk, GrowingFile, ReadableFile } from './store/disk.js'
export { maskHere } from './summing/masking.js'
