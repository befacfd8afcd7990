/**
 * A process of several agents, started by `cohort.ts`, which it tells what each of them is about to mask.
 * @module
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { enrol, maskHere, openTraffic, runAgent } from '@lorica/agent/embed'
import { hashModel } from '@lorica/peft-core'
import { encodeStochastic, type Masking } from '@lorica/privacy'
import { createIdentity, parseJoinLink } from '@lorica/protocol'
import { modelFolder } from '../fuzz/adapter.js'
import { type MemberParts, memberHost, type Step } from './member.js'

/** What a process is told: which agents it has. */
export interface SiteTask {
  readonly join: string // link
  readonly folder: string
  readonly members: readonly { readonly index: number; readonly silentBefore?: Step | undefined }[]
}

/** What it tells: that all agents are there, or the elements of an update before it was masked. */
export type SiteNews =
  | { readonly kind: 'ready' }
  | { readonly kind: 'masked'; readonly agentId: string; readonly plain: Uint32Array; readonly bits: number }
  | { readonly kind: 'cost'; readonly cpuMs: number } // of the whole process so far

const tell = (news: SiteNews): void => void process.send?.(news)

let hashed: ReturnType<typeof hashModel> | undefined
const base = fileURLToPath(modelFolder)

async function startMember(task: SiteTask, { index, silentBefore }: SiteTask['members'][number]) {
  const folder = join(task.folder, `agent-${index}`)
  const identity = createIdentity()
  const link = parseJoinLink(task.join)
  const mask: MemberParts['mask'] = async (masking: Masking) => {
    const plain = encodeStochastic(masking.values, masking.ring, masking.seed)
    tell({ kind: 'masked', agentId: identity.id, plain, bits: masking.ring.bits })
    return maskHere(masking)
  }
  const host = memberHost({
    ...{ index, silentBefore, mask },
    hashModel: (path) => (hashed ??= hashModel(path)),
  })
  const name = `site-${index}`
  const enrolment = await enrol(link, { identity, name, labels: {} }, host.post)
  const settings = {
    schema: 1,
    url: link.url,
    ...enrolment,
    name,
    labels: {},
    data: ['/none'],
    base,
  } as const
  const membership = { settings: { ...settings, data: ['/none'] }, identity, documents: 20, isNew: true }
  const traffic = await openTraffic(folder, host.clock, host.disk)
  const connected = new Promise<void>((resolve) => {
    const agent = runAgent({
      ...{ folder, membership, traffic, host },
      tell: ({ event }) => event === 'connected' && resolve(),
    })
    agent.failed.catch((error: Error) => process.stderr.write(`${name}: ${error.message}\n`))
  })
  await connected
}

const [task] = (await once(process, 'message')) as [SiteTask]
for (const member of task.members) await startMember(task, member)
tell({ kind: 'ready' })
process.once('disconnect', () => process.exit()) // whoever started it is gone
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  tell({ kind: 'cost', cpuMs: (user + system) / 1000 })
})
