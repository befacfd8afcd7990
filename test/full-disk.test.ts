import { setTimeout as pause } from 'node:timers/promises'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectSameRun } from './support/disturbed-runs.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import type { Line } from './support/service.js'
import { canMount, mountSmallDisk, type SmallDisk } from './support/small-disk.js'

const DISK_BYTES = 16 * 1024 * 1024
const FULL_MS = 4000
const settings = { rounds: 3, steps: 20 }

describe.skipIf(!canMount)('a disk that is full', () => {
  let folder: Folder
  const disks: SmallDisk[] = []
  let fleet: Fleet
  let undisturbed: RunView
  beforeAll(async () => {
    folder = await createFolder()
    disks.push(await mountSmallDisk(folder.at('coordinator-disk'), DISK_BYTES))
    disks.push(await mountSmallDisk(folder.at('agent-disk'), DISK_BYTES))
    fleet = await startFleet({
      folder: folder.path,
      texts: [siteText(0), siteText(1)],
      folderOf: (member) =>
        member === 'coordinator'
          ? folder.at('coordinator-disk', 'c')
          : member === 0
            ? folder.at('agent-disk', 'a')
            : undefined,
    })
    undisturbed = await fleet.run(settings)
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    for (const disk of disks) await disk[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  test('of the coordinator, in the middle of a round, ends no process and loses nothing', async () => {
    const { child } = fleet.coordinator()
    const run = await fleet.start(settings)
    const ended = fleet.operate<RunView>('run', 'watch', run)
    await fleet.agents[0]?.until(isAsked(run, 2))
    await disks[0]?.fill()
    await pause(FULL_MS)
    expect(child.exitCode).toBeNull()
    await disks[0]?.free()
    expectSameRun(undisturbed, await ended)
    expect(fleet.coordinator().child.pid).toBe(child.pid)
  })
})

const isAsked =
  (run: string, round: number) =>
  (line: Line): boolean =>
    line.event === 'assignment' && line.kind === 'train' && line.runId === run && line.round === round
