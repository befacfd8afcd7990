import { LoricaError } from '@lorica/protocol'
import type { Clock } from './clock.js'
import { bytes } from './figures.js'
import { pauseOf } from './site/pause.js'
import type { Policy } from './site/policy.js'
import { readPolicy } from './site/policy-file.js'
import { openTraffic } from './site/traffic.js'
import { type Activity, readActivity } from './store/activity.js'
import { readLastUpload } from './store/ledger.js'
import { readSettings } from './store/settings.js'

/** What the owner of a machine wants to know of the agent on it. */
export interface Status {
  readonly name: string
  readonly agentId: string
  readonly url: string
  readonly activity: Activity | null // null: it does not run
  readonly pause: { readonly until: string | null } | null // until null: until it is resumed
  readonly policy: Policy
  readonly bytesToday: number
  readonly lastUpload: {
    readonly at: string
    readonly runId: string
    readonly round: number
    readonly sizeBytes: number
  } | null
}

/** Reads the folder of an agent, running or not. LRC-8001 when none joined from it, LRC-6004 for a policy that is not valid. */
export async function statusOf(folder: string, clock: Clock): Promise<Status> {
  const settings = await readSettings(folder)
  if (settings === undefined) {
    throw new LoricaError('LRC-8001', `no agent joined from ${folder}`, {
      expected: 'the folder of an agent',
    })
  }
  const { name, agentId, url } = settings
  const asked = await pauseOf(folder, clock.now())
  const upload = await readLastUpload(folder)
  const { today } = await openTraffic(folder, clock)
  return {
    ...{ name, agentId, url },
    activity: (await readActivity(folder)) ?? null,
    pause:
      asked === undefined
        ? null
        : { until: asked.untilMs === null ? null : new Date(asked.untilMs).toISOString() },
    policy: await readPolicy(folder),
    bytesToday: today(),
    lastUpload: upload === undefined ? null : { at: upload.at, ...pick(upload.update) },
  }
}

const pick = ({ runId, round, sizeBytes }: { runId: string; round: number; sizeBytes: number }) => ({
  ...{ runId, round, sizeBytes },
})

const worded = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** A status for a terminal. */
export function statusLines({
  name,
  agentId,
  url,
  activity,
  pause,
  policy,
  bytesToday,
  lastUpload,
}: Status): readonly string[] {
  const limits = Object.entries(policy).map(
    ([key, value]) => `${key} ${[value].flat().map(worded).join(', ')}`,
  )
  const until = pause?.until === null ? 'until it is resumed' : `until ${pause?.until}`
  return [
    `${name} (agent ${agentId}) of ${url}`,
    activity === null
      ? '  it does not run: lorica agent start'
      : `  process ${activity.processId}: ${activity.doing}, since ${activity.since}`,
    ...(pause === null ? [] : [`  paused ${until}: lorica agent resume`]),
    `  policy.yaml: ${limits.length === 0 ? 'nothing is limited' : limits.join('; ')}`,
    `  moved today: ${bytes(bytesToday)}`,
    lastUpload === null
      ? '  nothing was sent yet'
      : `  last update: ${bytes(lastUpload.sizeBytes)} for round ${lastUpload.round} of ${lastUpload.runId}, ${lastUpload.at}; see lorica agent last-upload`,
  ]
}
