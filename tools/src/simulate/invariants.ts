/**
 * What holds after every simulation, whatever went wrong in it.
 * @module
 */
import { type JournalEntry, type Ledger, openLedger, type Service } from '@lorica/coordinator/embed'
import { adapterFiles, type TensorMap } from '@lorica/peft-core'
import { canonicalJson, type Receipt, type ReleaseManifest, verifyRelease } from '@lorica/protocol'
import { COORDINATOR_FOLDER } from './coordinator-machine.js'
import { identityOf } from './keys.js'
import type { MemoryDisk } from './memory-disk.js'
import { firstAdapter, sha256Of } from './model.js'
import { type Accepted, averaged } from './recomputation.js'

/** What is known at the end. */
export interface Ending {
  readonly entries: readonly JournalEntry[]
  readonly service: Service
  readonly disk: MemoryDisk // of the coordinator
  readonly receipts: readonly (Receipt & { readonly agentId: string })[]
  readonly applied: readonly { readonly agent: string; readonly folder: string; readonly disk: MemoryDisk }[]
  /** Files that a fault damaged, and what they held: nobody can expect their bytes any more. */
  readonly damaged: ReadonlyMap<string, Uint8Array>
  readonly isMean: boolean // what is committed are means, which are computed once more
}

/** Every sentence is something that must not be. */
export function brokenInvariants(ending: Ending): readonly string[] {
  return [
    ...lostReceipts(ending),
    ...wrongAggregates(ending),
    ...wrongReleases(ending),
    ...unverified(ending),
    ...forgotten(ending),
    ...askedTwice(ending),
  ]
}

/** Where the coordinator keeps an accepted update. */
export function updateFile(runId: string, round: number, sha256: string): string {
  return `${COORDINATOR_FOLDER}/updates/${runId}/${round}/${sha256}.safetensors`
}

type Events = readonly JournalEntry['event'][]

const committed = (events: Events) =>
  events.flatMap((event) => (event.type === 'round-committed' ? [event] : []))

/** I1: an acknowledged update is in exactly one committed round, or has a recorded refusal. */
function lostReceipts({ entries, receipts }: Ending): readonly string[] {
  const events = entries.map(({ event }) => event)
  const discarded = new Set(events.flatMap(discardedBy))
  const counted = new Map<string, number>()
  for (const { record } of committed(events)) {
    for (const { agentId, updateSha256 } of record.contributions) {
      const key = `${agentId} ${updateSha256}`
      counted.set(key, (counted.get(key) ?? 0) + 1)
    }
  }
  return [...new Set(receipts.map(({ agentId, updateSha256 }) => `${agentId} ${updateSha256}`))].flatMap(
    (key) => {
      const times = counted.get(key) ?? 0
      if (times > 1) return [`I1: the update ${key} is in ${times} committed rounds`]
      return times === 1 || discarded.has(key) ? [] : [`I1: the acknowledged update ${key} is nowhere`]
    },
  )
}

/** Accepted updates of which an event says that they count nowhere. */
function discardedBy(event: Events[number]): readonly string[] {
  if (event.type === 'seat-revoked') return [`${event.agentId} ${event.updateSha256}`]
  const listed =
    event.type === 'round-failed' || event.type === 'run-ended'
      ? (event.discarded ?? [])
      : event.type === 'round-planned'
        ? (event.over ?? [])
        : []
  return listed.map(({ agentId, updateSha256 }) => `${agentId} ${updateSha256}`)
}

/** I2: what was committed is what the accepted updates add up to, bit for bit. */
function wrongAggregates({ entries, disk, damaged, isMean }: Ending): readonly string[] {
  const problems: string[] = []
  const adapters = new Map<string, { readonly seed: number; tensors: TensorMap; releases: number[] }>()
  for (const { event } of entries) {
    if (event.type === 'run-created')
      adapters.set(event.runId, {
        ...{ seed: event.seed, tensors: firstAdapter(event.seed).tensors, releases: [] },
      })
    if (event.type !== 'round-committed') continue
    const { runId, round, record } = event
    const run = adapters.get(runId)
    if (run === undefined) return [`I2: round ${round} is of no run`]
    if (record.release === null) continue
    const updates = record.contributions.map((contribution): Accepted | undefined => {
      const { updateSha256: sha256, tokens, late } = contribution
      const askedIn = late?.round ?? round
      const path = updateFile(runId, askedIn, sha256)
      const bytes = damaged.get(path) ?? disk.peek(path)
      const staleness = run.releases.filter((released) => released >= askedIn).length
      if (bytes !== undefined && sha256Of(bytes) === sha256) return { sha256, tokens, staleness, bytes }
      if (!damaged.has(path))
        problems.push(`I2: the accepted update ${path} is ${bytes === undefined ? 'gone' : 'damaged'}`)
      return undefined
    })
    if (updates.some((update) => update === undefined)) return problems
    if (!isMean) continue
    const tensors = averaged(run.tensors, updates as Accepted[])
    const wanted = sha256Of(
      adapterFiles({ config: firstAdapter(run.seed).config, tensors })['adapter_model.safetensors'],
    )
    if (record.adapterSha256 !== wanted)
      problems.push(
        `I2: round ${round} of ${runId} has the adapter ${record.adapterSha256}, expected ${wanted}`,
      )
    run.tensors = tensors
    run.releases.push(round)
  }
  return problems
}

/** I3: versions only grow, and every release is complete, hash-valid and signed. */
function wrongReleases({ entries, disk, damaged }: Ending): readonly string[] {
  const names = committed(entries.map(({ event }) => event)).flatMap(({ record }) => record.release ?? [])
  return names.flatMap((name, index): readonly string[] => {
    if (name !== `v${index + 1}`) return [`I3: release ${index + 1} is called ${name}`]
    const place = `${COORDINATOR_FOLDER}/releases/${name}`
    const text = (file: string): string => Buffer.from(disk.peek(`${place}/${file}`) ?? []).toString('utf8')
    const signed = { manifest: text('manifest.json'), signature: text('manifest.sig') }
    let manifest: ReleaseManifest
    try {
      manifest = verifyRelease(signed, identityOf('coordinator').publicKey)
    } catch (error) {
      return [`I3: ${name} does not verify: ${String(error)}`]
    }
    return manifest.files.flatMap(({ path, sha256 }) => {
      const place = `${COORDINATOR_FOLDER}/blobs/${sha256.slice(0, 2)}/${sha256}`
      const bytes = disk.peek(place)
      const isWhole = bytes !== undefined && sha256Of(bytes) === sha256
      return isWhole || damaged.has(place)
        ? []
        : [`I3: ${path} of ${name} is ${bytes === undefined ? 'gone' : 'damaged'}`]
    })
  })
}

const KEPT_RELEASES = 2 // by an agent

/** I4: what an agent applies is complete, and signed by its coordinator. */
function unverified({ applied }: Ending): readonly string[] {
  const latest = applied.filter(
    ({ agent }, at) => applied.slice(at + 1).filter((later) => later.agent === agent).length < KEPT_RELEASES,
  )
  return latest.flatMap(({ agent, folder, disk }) => {
    const read = (file: string): Uint8Array | undefined => disk.peek(`${folder}/${file}`)
    const text = (file: string): string => Buffer.from(read(file) ?? []).toString('utf8')
    try {
      const release = { manifest: text('manifest.json'), signature: text('manifest.sig') }
      const { files } = verifyRelease(release, identityOf('coordinator').publicKey)
      const wrong = files.find(({ path, sha256 }) => sha256Of(read(path) ?? Buffer.alloc(0)) !== sha256)
      return wrong === undefined ? [] : [`I4: ${agent} applied ${folder} with a wrong ${wrong.path}`]
    } catch (error) {
      return [`I4: ${agent} applied ${folder}: ${String(error)}`]
    }
  })
}

/** I6: replaying the journal gives the state that the coordinator has. */
function forgotten({ entries, service }: Ending): readonly string[] {
  const { ledger } = service.parts
  const journal: Parameters<typeof openLedger>[0] = {
    ...{ append: refuse, flush: refuse, safe: refuse, close: refuse },
    ...{ fault: () => null, safeSeq: () => entries.length, listen: () => () => {} },
  }
  const replayed = openLedger(journal, entries, service.parts.clock)
  const state = (of: Ledger): string =>
    canonicalJson(plain([of.runs(), of.members(), of.releases(), of.tokens()]))
  return state(replayed) === state(ledger) ? [] : ['I6: replaying the journal gives another state']
}

/** I7: an agent has one assignment at a time: one that still trains is asked for nothing else, whatever becomes of its round. */
function askedTwice({ entries }: Ending): readonly string[] {
  const open = new Map<string, string>() // assignments that nothing became of, by agent
  let isBuffered = false
  return entries.flatMap(({ event }): readonly string[] => {
    switch (event.type) {
      case 'run-created':
        isBuffered = event.spec.rounds.mode === 'buffered'
        return []
      case 'round-planned': {
        if (!isBuffered) open.clear()
        for (const { agentId } of event.over ?? []) open.delete(agentId)
        return event.seats.flatMap(({ agentId, assignmentId, start }) => {
          const before = open.get(agentId)
          if (start === undefined) open.set(agentId, assignmentId) // one that goes on is open, or its update is here
          if (before === undefined || before === assignmentId) return []
          const wrong = `${agentId} had assignment ${before} when it was given ${assignmentId}`
          return start === undefined ? [`I7: ${wrong}`] : [`I7: ${wrong}, as one that goes on`]
        })
      }
      case 'agent-invited':
        open.set(event.seat.agentId, event.seat.assignmentId)
        return []
      case 'update-accepted':
      case 'update-refused':
      case 'agent-declined':
      case 'seat-revoked':
        open.delete(event.type === 'update-accepted' ? event.contribution.agentId : event.agentId)
        return []
      default:
        return []
    }
  })
}

function refuse(): never {
  throw new Error('the journal is only read')
}

/** Maps as lists, so that they can be compared; what is undefined is not there. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, held: unknown) => (held instanceof Map ? [...held] : held)))
}
