/**
 * The agent put together: every part is made here and connected to the others.
 * @module
 */
import { join } from 'node:path'
import { asLoricaError, fingerprintOf, idOf, LoricaError, SOFTWARE } from '@lorica/protocol'
import { baseTokenizer } from './base-tokenizer.js'
import { deferred } from './deferred.js'
import { energyMeter } from './device/energy.js'
import { createTrainer } from './engine/engine.js'
import { describeDevice } from './engine/engine-choice.js'
import type { Host } from './host.js'
import { openKeyring } from './membership/keyring.js'
import type { Membership } from './membership/membership.js'
import { createTransfers } from './net/delivery.js'
import { proofOf } from './net/enrolment.js'
import { type Link, type LinkEvents, openLink } from './net/link.js'
import { createFollowing } from './releases/following.js'
import { hearRelease, hearRoots } from './releases/news.js'
import { reasonOf, type Tell } from './report.js'
import { ownerOf } from './site/owner.js'
import { forbidden, sumsOf } from './site/policy.js'
import { readPolicy } from './site/policy-file.js'
import { spendingFrom } from './site/spend.js'
import type { Traffic } from './site/traffic.js'
import { openAdapters } from './store/adapters.js'
import { openBases } from './store/bases.js'
import { openBlobs } from './store/blobs.js'
import { readControl } from './store/controls.js'
import { writeLastEvaluation, writeLastUpload, writeUplink } from './store/ledger.js'
import type { Finished } from './store/outbox.js'
import { openReleases } from './store/releases.js'
import { roomFor } from './store/room.js'
import { openStores } from './store/stores.js'
import { targetedReleases } from './store/target.js'
import { openTrust } from './store/trust.js'
import { maskedOnly } from './summing/masked-only.js'
import { summing } from './summing/summing.js'
import { createSums } from './summing/sums.js'
import { type AgentTrace, tracedLink } from './trace.js'
import { createAgenda } from './work/agenda.js'
import { type ContributionParts, contributor, deliver } from './work/contribution.js'
import { createProgressReport } from './work/progress-report.js'

export interface AgentOptions {
  readonly folder: string
  readonly membership: Membership
  readonly traffic: Traffic
  readonly tell: Tell
  readonly host: Host
  readonly trace?: AgentTrace | undefined
}

export interface Agent {
  /** Rejects when the agent cannot go on; stays pending otherwise. */
  readonly failed: Promise<never>
  /** Gives the current assignment back, keeps finished work, ends the training process and the link. */
  stop(): Promise<void>
}

/** How far its clock may be from the coordinator's before its owner hears of it; nothing depends on it but times that are shown. */
const SKEW_MS = 60_000

/** Connects to the coordinator and works for it until it is stopped. */
export function runAgent({ folder, membership, traffic, tell, host, trace }: AgentOptions): Agent {
  const { clock, random, disk } = host
  const { settings, identity, documents, library, gpu } = membership
  const { url, coordinatorId, coordinatorPublicKey, root: pin, threads, engine } = settings
  const stopped = new AbortController()
  const { promise: failed, reject: fail } = deferred()
  const stores = openStores(folder, disk)
  const { outbox, moments, residuals, controls, personal, book } = stores
  const baseOfRun = new Map<string, string>()
  let hasReadData = false // and tokenised it into a file of its own

  const progress = createProgressReport((one) => {
    tell({ event: 'progress', ...one })
    link.request('progress', one).catch(() => {})
  }, clock.monotonicMs)

  const trust = openTrust(folder, coordinatorPublicKey, { nowMs: () => clock.now(), disk, pin })
  const keyring = openKeyring(folder, identity, { clock, disk })
  const on: LinkEvents = {
    connected: ({ nowMs }) => {
      tell({ event: 'connected', url })
      const skewMs = nowMs === undefined ? 0 : clock.now() - nowMs
      if (Math.abs(skewMs) > SKEW_MS) tell({ event: 'clock-skew', skewMs })
      inBackground(keyring.accepted())
      inBackground(offerUnsettled())
    },
    disconnected: (reason) => {
      if (!stopped.signal.aborted) tell({ event: 'disconnected', reason })
    },
    refused: (refusal) => fail(refusal),
    assignment: (assignment) => {
      trace?.given(assignment)
      baseOfRun.set(assignment.runId, assignment.base.sha256)
      agenda.take(assignment)
    },
    release: (release) => {
      trace?.released(release)
      const onTaken = (): void => inBackground(forgetPersonal())
      hearRelease(release, releases, { tell, signal: stopped.signal, onTaken })
    },
    target: (message) => {
      trace?.targeted(message)
      following.take(message)
    },
    trust: (letter) =>
      hearRoots(letter, trust, { by: pin === undefined ? 'coordinator' : 'link', tell, onForeign: fail }),
    summed: (name, letter) => sums.hear(name, letter),
    runEnded: ({ runId, state }) => {
      tell({ event: 'run-ended', runId, state })
      inBackground(endRun(runId))
    },
  }
  const opened: Link = openLink({
    ...{ url, clock, random, openSocket: host.openSocket },
    pin: fingerprintOf(coordinatorPublicKey),
    proof: proofOf(url, keyring.choose, coordinatorPublicKey, host.post),
    isKeyRefused: keyring.refused,
    hello: async () => ({
      software: SOFTWARE,
      device: describeDevice({ choice: engine, library, threads, gpu }),
      dataset: { documents },
      rootVersion: await trust.version(),
    }),
    on,
  })
  const link = tracedLink(opened, trace)
  const { delivery, sumDelivery, measuredDelivery, pull } = createTransfers({
    ...{ link, outbox, clock, stopped: stopped.signal, onBytes: progress.onBytes },
    onMoved: traffic.add,
  })
  const blobs = openBlobs(join(folder, 'blobs'), pull, disk)
  const adapters = openAdapters(blobs)
  const bases = openBases({
    ...{ folder: join(folder, 'bases'), blobs, own: settings.base },
    ...{ disk, hash: host.hashModel },
  })
  const forgetPersonal = async (): Promise<void> => personal.forget(await releases.runs())
  const releases = openReleases({
    folder: join(folder, 'releases'),
    blobs,
    trust: trust.current,
    baseOfRun: (runId) => baseOfRun.get(runId),
    own: ({ runId, version }) => personal.own(runId, version),
    targeted: () => targetedReleases(folder, disk),
    disk,
  })
  const following = createFollowing({
    ...{ folder, fleet: coordinatorId, trust: trust.current, releases, clock, disk, tell, link },
    stopped: stopped.signal,
  })
  const spending = spendingFrom(folder, settings.data, disk)
  const sums = createSums(
    clock,
    summing({
      ...{ folder, url, outbox, book, delivery, sumDelivery, measuredDelivery, tell, random, clock, disk },
      ...{ agentId: settings.agentId, coordinatorId: idOf(coordinatorPublicKey), mask: host.mask },
      spendAsSite: spending.asSite,
      identity: keyring.current,
      company: async () => sumsOf(await readPolicy(folder, disk)),
    }),
  )
  const trainer = createTrainer({
    clock,
    start: () => {
      process.env.ORT_DISABLE_TELEMETRY = '1' // onnxruntime reports its use to its maker unless it is told not to
      return host.startEngine({ ...engine, ...(threads === undefined ? {} : { threads }) })
    },
    gpuBytes: host.counters.gpuBytes,
    onFallen: (error) => tell({ event: 'engine-failed', ...reasonOf(error) }),
  })
  const owner = ownerOf(folder, { clock, disk, sensors: host.sensors, onWaiting: progress.onWaiting })
  const makeRoom = roomFor({
    ...{ folder, disk, blobs, adapters, bases },
    data: () => (hasReadData ? [] : settings.data),
  })
  const parts: ContributionParts = {
    work: {
      base: ({ base }) => bases.pathOf(base),
      adapter: ({ adapter }) => adapters.read(adapter),
      control: async (file) => readControl(file, await blobs.bytes(file)),
      batches: host.openBatches(settings.data, folder),
      tokenizer: baseTokenizer,
      ...{ trainer, owner, clock },
      spend: spending.asExamples,
    },
    outbox,
    spendAsSite: spending.asSite,
    moments,
    residuals,
    personal,
    controls,
    delivery: {
      ...delivery,
      async upload(update, finished, signal) {
        const startedMs = clock.monotonicMs()
        const receipt = await delivery.upload(update, finished, signal)
        const ms = clock.monotonicMs() - startedMs
        const at = new Date(clock.now()).toISOString()
        await writeUplink(folder, { at, sizeBytes: update.sizeBytes, ms }, disk).catch(() => {}) // only shown
        return receipt
      },
    },
    underWay: new Map(),
    answered: async (runId) => {
      const waiting = (await outbox.unsettled()).filter((finished) => finished.runId === runId)
      await Promise.all(waiting.map(offer))
    },
    record: (finished, { delta }) => {
      const at = new Date(clock.now()).toISOString()
      return writeLastUpload(folder, { at, coordinator: url, finished, delta }, disk)
    },
    recordEvaluation: ({ runId, round }, message) =>
      writeLastEvaluation(folder, { runId, round, ...message }, disk),
    sums,
    expectMasked: maskedOnly(book),
    onProgress: progress.onProgress,
    energy: energyMeter(host, threads),
    tell,
    async expectAllowed(assignment) {
      await owner.expectFree()
      const moment = { now: new Date(clock.now()), bytesToday: traffic.today() }
      const reason = forbidden(await readPolicy(folder, disk), assignment, moment)
      if (reason !== undefined) throw new LoricaError('LRC-6004', reason)
      await makeRoom(assignment)
    },
    onFatal: fail,
  }
  const perform = contributor(parts)
  const agenda = createAgenda(clock, async (assignment, signal) => {
    progress.current = assignment.assignmentId
    await perform(assignment, signal).catch((error) => fail(asLoricaError(error)))
    progress.current = ''
    hasReadData = true
  })
  const offer = (finished: Finished): Promise<void> => deliver(finished, parts, stopped.signal)
  const offerUnsettled = async (): Promise<void> => {
    for (const finished of await outbox.unsettled()) {
      if (finished.assignmentId !== progress.current) await offer(finished)
    }
  }
  const endRun = async (runId: string): Promise<void> => {
    await agenda.endRun(runId)
    if (agenda.isIdle()) await trainer.close()
    await sums.endRun(runId)
    await stores.drop(runId)
    await forgetPersonal()
  }
  const inBackground = (work: Promise<void>): void => {
    work.catch((error) => fail(asLoricaError(error)))
  }
  return {
    failed,
    async stop() {
      await agenda.stop()
      await sums.stop()
      stopped.abort(new LoricaError('LRC-6010', 'the agent was told to stop'))
      link.close()
      await trainer.close()
    },
  }
}
