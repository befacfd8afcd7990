import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createIdentity,
  manifestId,
  pinnedTrust,
  type Release,
  signManifest,
  signTarget,
  type TargetMessage,
  type TargetReport,
} from '@lorica/protocol'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../clock.js'
import type { Request } from '../net/link.js'
import type { AgentEvent } from '../report.js'
import { openBlobs } from '../store/blobs.js'
import { systemDisk } from '../store/disk.js'
import { openReleases } from '../store/releases.js'
import { type ServingRecord, writeServing } from '../store/serving-record.js'
import { readTarget } from '../store/target.js'
import { createFollowing } from './following.js'

const coordinator = createIdentity()
const trust = async () => pinnedTrust(coordinator.publicKey)
const bytesOf = (name: string): Buffer => Buffer.from(`the bytes of ${name}`)
const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

function releaseOf(version: number): Release {
  const files = ['adapter_config.json', 'adapter_model.safetensors'].map((path) => {
    const bytes = bytesOf(`${path} ${version}`)
    return { path, sha256: sha256Of(bytes), sizeBytes: bytes.byteLength }
  })
  return signManifest(coordinator, {
    ...{
      schema: 1,
      version,
      name: `v${version}`,
      runId: 'r4',
      runName: 'tone',
      round: version,
      parent: null,
    },
    ...{ base: { sha256: 'cd'.repeat(32), name: 'tiny' }, files, contributions: [] },
    evaluation: { loss: null, tokens: 0, perAgent: [] },
    ...{ createdAt: '2026-03-04T05:06:07Z', software: 'test', coordinatorPublicKey: coordinator.publicKey },
  })
}

function targetOf(
  serial: number,
  version: number,
  { lifeMs = 1e9, fleet = coordinator.id } = {},
): TargetMessage {
  const release = releaseOf(version)
  const target = {
    ...{ schema: 1 as const, kind: 'target' as const, fleet, serial, previous: null, rollout: null },
    release: { name: `v${version}`, id: manifestId(release) },
    issuedAt: new Date(Date.now() - 1e9).toISOString(),
    expiresAt: new Date(Date.now() + lifeMs).toISOString(),
  }
  return signTarget(coordinator, target, release)
}

let folder = ''
const stopped = new AbortController()
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-following-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** An agent that follows, as after a start: what it reports, and how many bytes it pulled. */
function start() {
  const reports: TargetReport[] = []
  const told: AgentEvent[] = []
  let pulledBytes = 0
  const contents = [1, 2, 3].flatMap((version) =>
    ['adapter_config.json', 'adapter_model.safetensors'].map((path) => bytesOf(`${path} ${version}`)),
  )
  const blobs = openBlobs(join(folder, 'blobs'), async (file, offset, append) => {
    const bytes = contents.find((one) => sha256Of(one) === file.sha256) as Buffer
    pulledBytes += bytes.byteLength - offset
    await append(bytes.subarray(offset))
  })
  const request = (async (event: string, message: TargetReport) => {
    if (event === 'target.report') reports.push(message)
    return {}
  }) as unknown as Request
  const releases = openReleases({
    ...{ folder: join(folder, 'releases'), blobs, baseOfRun: () => undefined },
    trust,
  })
  const following = createFollowing({
    ...{ folder, fleet: coordinator.id, releases, trust },
    ...{ clock: systemClock(), disk: systemDisk(), link: { request }, stopped: stopped.signal },
    tell: (event) => void told.push(event),
  })
  return {
    told,
    pulled: () => pulledBytes,
    /** Takes a target, and waits for what is reported of it. */
    async take(message: TargetMessage): Promise<TargetReport> {
      const { serial } = JSON.parse(message.target) as { readonly serial: number }
      const answer = () => reports.findLast((report) => report.serial === serial)
      following.take(message)
      await expect.poll(answer, { timeout: 5000, interval: 10 }).toBeDefined()
      return answer() as TargetReport
    },
  }
}

test('a target is followed and reported, and going back to a release that was kept pulls nothing', async () => {
  const agent = start()
  const first = await agent.take(targetOf(4, 1))
  expect(first).toMatchObject({ serial: 4, outcome: 'applied', isServed: false, reason: null })
  expect(first.downloadedBytes).toBe(agent.pulled())
  expect((await agent.take(targetOf(5, 2))).downloadedBytes).toBeGreaterThan(0)
  const pulled = agent.pulled()
  expect(await agent.take(targetOf(6, 1))).toMatchObject({
    serial: 6,
    outcome: 'applied',
    downloadedBytes: 0,
  })
  expect(agent.pulled()).toBe(pulled)
  expect(await readTarget(folder)).toMatchObject({
    highest: { serial: 6 },
    held: { name: 'v1' },
    before: 'v2',
  })
})

test.each([
  ['an older serial (rollback)', 'LRC-6023', () => targetOf(6, 1)],
  ['another text of the same serial', 'LRC-6023', () => targetOf(7, 3)],
  ['one that has expired (freeze)', 'LRC-6024', () => targetOf(8, 1, { lifeMs: -3.6e6 })],
  ['one of another fleet', 'LRC-6022', () => targetOf(8, 1, { fleet: 'ab'.repeat(16) })],
  [
    'one with another release than it names (mix and match)',
    'LRC-6025',
    () => ({ ...targetOf(8, 1), release: releaseOf(3) }),
  ],
])('%s is refused with its code, also after a restart, and what is here stays', async (_, code, message) => {
  await start().take(targetOf(7, 2))
  const again = start()
  expect(await again.take(message())).toMatchObject({ outcome: 'failed', reason: { code } })
  expect(again.pulled()).toBe(0)
  expect(await readTarget(folder)).toMatchObject({ highest: { serial: 7 }, held: { serial: 7, name: 'v2' } })
})

test('what serves here has the last word: it changed to the release, or it did not', async () => {
  const agent = start()
  const none = { requests: 0, failures: 0, seconds: 0, secondsSquared: 0 }
  const record: ServingRecord = {
    ...{
      pid: process.pid,
      url: 'http://127.0.0.1:1',
      release: 'v1',
      releaseId: 'ab'.repeat(32),
      now: none,
      before: null,
    },
    target: null,
  }
  await writeServing(folder, record)
  const reported = agent.take(targetOf(1, 1))
  await expect.poll(async () => (await readTarget(folder))?.held?.serial, { timeout: 5000 }).toBe(1)
  const reason = { code: 'LRC-6026', message: 'release v1: the model gave NaN' }
  await writeServing(folder, { ...record, target: { serial: 1, outcome: 'failed', reason, atMs: 5 } })
  expect(await reported).toMatchObject({ serial: 1, outcome: 'failed', isServed: false, reason })
  await writeServing(folder, { ...record, target: { serial: 2, outcome: 'applied', reason: null, atMs: 6 } })
  expect(await agent.take(targetOf(2, 2))).toMatchObject({ serial: 2, outcome: 'applied', isServed: true })
  await writeFile(join(folder, 'serving.json'), JSON.stringify({ ...record, pid: 2 ** 22 + 1 }))
  expect(await agent.take(targetOf(3, 3))).toMatchObject({ serial: 3, outcome: 'applied', isServed: false })
})
