import { setTimeout as pause } from 'node:timers/promises'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectSameRun } from './support/disturbed-runs.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import type { Line } from './support/service.js'
import { canMount, mountSmallDisk, type SmallDisk } from './support/small-disk.js'

const DISK_BYTES = 64 * 1024 * 1024
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

  test('of an agent declines a round up front, and the agent takes part again when there is room', async () => {
    await disks[1]?.fill()
    const without = await fleet.run({ rounds: 1, minimum: 1 })
    expect(namesOf(without)).toEqual([['site-1']])
    expect(lastOf(fleet, 'declined')).toMatchObject({
      code: 'LRC-6016',
      expected: expect.stringContaining('MB'),
    })
    await disks[1]?.free()
    expect(namesOf(await fleet.run({ rounds: 1, minimum: 2 }))).toEqual([['site-0', 'site-1']])
  })

  test('of an agent that fills while it trains ends no process, and the run goes on', async () => {
    const run = await fleet.start({ rounds: 2, steps: 300, minimum: 1 })
    const { child, until } = fleet.agents[0] as Fleet['agents'][0]
    await until(isAsked(run, 1))
    await disks[1]?.fill()
    const view = await fleet.operate<RunView>('run', 'watch', run)
    expect(view.state).toBe('succeeded')
    expect(child.exitCode).toBeNull()
    await disks[1]?.free()
    expect(namesOf(await fleet.run({ rounds: 1, minimum: 2 }))).toEqual([['site-0', 'site-1']])
  })
})

const isAsked =
  (run: string, round: number) =>
  (line: Line): boolean =>
    line.event === 'assignment' && line.kind === 'train' && line.runId === run && line.round === round

const namesOf = ({ rounds }: RunView): readonly (readonly string[])[] =>
  rounds.map(({ contributions }) => contributions.map(({ name }) => name).toSorted())

const lastOf = (fleet: Fleet, event: string): Line | undefined =>
  fleet.agents[0]?.lines.findLast((line) => line.event === event)
