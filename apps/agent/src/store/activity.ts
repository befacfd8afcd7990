import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../clock.js'
import type { AgentEvent, Tell } from '../report.js'
import { readJson, writeJson } from './folder.js'

const activitySchema = z.strictObject({
  processId: z.int().min(1),
  since: z.string(), // ISO 8601
  doing: z.string(),
})

/** What a running agent does, in `activity.json` of its folder. */
export type Activity = Readonly<z.infer<typeof activitySchema>>

const FILE = 'activity.json'

/** Keeps what an agent does in its folder as it tells of it; `end` takes it away. */
export function keepActivity(
  folder: string,
  clock: Clock,
  tell: Tell,
): { readonly tell: Tell; end(): Promise<void> } {
  const path = join(folder, FILE)
  let writing: Promise<void> = Promise.resolve()
  const write = (doing: string): void => {
    const activity: Activity = { processId: process.pid, since: new Date(clock.now()).toISOString(), doing }
    writing = writing.then(() => writeJson(path, activity)).catch(() => {}) // it is only shown
  }
  write('starting')
  return {
    tell(event) {
      const doing = doingOf(event)
      if (doing !== undefined) write(doing)
      tell(event)
    },
    async end() {
      await writing
      await rm(path, { force: true })
    },
  }
}

/** What the agent of a folder does; undefined when none runs. */
export async function readActivity(folder: string): Promise<Activity | undefined> {
  const parsed = activitySchema.safeParse(await readJson(join(folder, FILE)).catch(() => undefined))
  return parsed.success && isRunning(parsed.data.processId) ? parsed.data : undefined
}

/** What an event means for what the agent does; undefined when nothing changes. */
export function doingOf(event: AgentEvent): string | undefined {
  switch (event.event) {
    case 'connected':
      return 'waiting for work'
    case 'disconnected':
      return 'not connected; trying again'
    case 'assignment':
      return `${event.kind === 'train' ? 'training' : 'measuring'} for round ${event.round} of ${event.runId}`
    case 'receipt':
    case 'evaluated':
    case 'refused':
    case 'declined':
    case 'abandoned':
      return 'waiting for work'
    default:
      return undefined
  }
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
