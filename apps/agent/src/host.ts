import { hashModel, startEngine } from '@lorica/peft-core'
import { type Clock, systemClock } from './clock.js'
import { type Counters, systemCounters } from './device/counters.js'
import { type Sensors, systemSensors } from './device/sensors.js'
import type { Post } from './net/enrolment.js'
import { postJson } from './net/post.js'
import { type OpenSocket, openSocket } from './net/socket.js'
import { openBatches } from './private/batches.js'
import { type Random, systemRandom } from './random.js'
import { type Disk, systemDisk } from './store/disk.js'
import { type Mask, maskInThread } from './summing/masking.js'

/** What an agent finds where it runs: everything of it that a decision may not reach for by itself. */
export interface Host {
  readonly clock: Clock
  readonly random: Random
  readonly disk: Disk
  readonly openSocket: OpenSocket
  readonly post: Post
  readonly hashModel: typeof hashModel
  readonly openBatches: typeof openBatches
  readonly startEngine: typeof startEngine
  readonly sensors: Sensors
  readonly counters: Counters
  /** Masks updates for secure sums, elsewhere than where the agent answers. */
  readonly mask: Mask
}

/** This machine. */
export function systemHost(): Host {
  const random = systemRandom()
  return {
    ...{ clock: systemClock(), random, disk: systemDisk(random) },
    ...{ openSocket, post: postJson, hashModel, openBatches, startEngine },
    sensors: systemSensors(),
    counters: systemCounters(),
    mask: (masking) => maskInThread(masking),
  }
}
