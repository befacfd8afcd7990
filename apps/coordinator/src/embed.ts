/**
 * What it takes to run a coordinator somewhere else than on this machine: in a simulation.
 * @module
 */
export type { Clock } from './clock.js'
export type { Host, Models } from './host.js'
export { type JournalEntry, readJournal } from './journal/journal.js'
export { type Ledger, openLedger } from './ledger.js'
export type { Log } from './log.js'
export type { AgentSocket } from './net/agent-socket.js'
export { issueLinks, openInvitation } from './net/invitations.js'
export type { Random } from './random.js'
export { addRun } from './rounds/start.js'
export { openService, type Service } from './service.js'
export type { Claim } from './store/claim.js'
export type { Disk, GrowingFile, ReadableFile } from './store/disk.js'
export { createShelf, type MemoryShelf, openMemory } from './store/memory.js'
export type { Store, StoredLine } from './store/store.js'
