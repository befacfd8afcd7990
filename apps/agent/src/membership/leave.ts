import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fingerprintOf, LoricaError, SOFTWARE } from '@lorica/protocol'
import { describeDevice } from '../engine/engine-choice.js'
import type { Host } from '../host.js'
import { proofOf } from '../net/enrolment.js'
import { openLink } from '../net/link.js'
import { readSettings } from '../store/settings.js'
import { readIdentity } from './identity.js'

const PATIENCE_MS = 15_000
const LEFT_BY_RUNS = ['personal', 'controls', 'moments', 'residuals']

/**
 * Takes this agent out of its fleet and forgets the fleet and what its runs left of the data here; the key, downloads and releases stay in the folder.
 * Throws LRC-8001 when the folder belongs to no fleet, LRC-8002 when the coordinator does not answer.
 */
export async function leaveFleet(folder: string, host: Host): Promise<void> {
  const { clock, random, openSocket, post } = host
  const settings = await readSettings(folder)
  const identity = await readIdentity(folder)
  if (settings === undefined || identity === undefined) {
    throw new LoricaError('LRC-8001', `no agent joined from ${folder}`, {
      expected: 'the folder of an agent',
    })
  }
  const { url, coordinatorPublicKey } = settings
  const patience = new AbortController()
  const unreachable = new LoricaError('LRC-8002', `no coordinator answers at ${url}`)
  const cancel = clock.after(PATIENCE_MS, () => patience.abort(unreachable))
  const link = openLink({
    ...{ url, clock, random, openSocket },
    pin: fingerprintOf(coordinatorPublicKey),
    proof: proofOf(url, async () => identity, coordinatorPublicKey, post),
    hello: () => ({
      software: SOFTWARE,
      device: describeDevice({ choice: settings.engine, library: undefined, threads: settings.threads }),
      dataset: { documents: 0 }, // asks for no work
    }),
    on: {
      ...{
        assignment: () => {},
        target: () => {},
        release: () => {},
        trust: () => {},
        runEnded: () => {},
        summed: () => {},
      },
      ...{ connected: () => {}, disconnected: () => {} },
      refused: (refusal) => patience.abort(refusal),
    },
  })
  try {
    await link.ready(patience.signal)
    await link.request('leave', {})
  } finally {
    cancel()
    link.close()
  }
  for (const name of LEFT_BY_RUNS) await rm(join(folder, name), { recursive: true, force: true })
  await rm(join(folder, 'agent.json'), { force: true })
}
