import { limits, type RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectSameRun, trainingsOf } from './support/disturbed-runs.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { strikeAt } from './support/points.js'
import { startWeakLink, type WeakLink } from './support/weak-link.js'

const BYTES_PER_SECOND = 400_000
const WINDOW_BYTES = limits.windowChunks * limits.chunkBytes
const OVERHEAD_BYTES = 100_000 // everything of a run that is not the update
const settings = { rounds: 1, rank: 160 } // an update of 5.9 MB: longer than from one ping to the next

let folder: Folder
let link: WeakLink
let fleet: Fleet
let unhurried: RunView
let sizeBytes: number
let passed: string[] = [] // names of messages
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts: [siteText(1)],
    modelWidth: 320,
    addressOf: async (_, url) => {
      link = await startWeakLink(url)
      link.set('up', { bytesPerSecond: BYTES_PER_SECOND })
      return link.url
    },
  })
  link.watch((moment, { name }) => {
    if (moment === 'after') passed.push(name)
    return 'pass'
  })
  unhurried = await fleet.run(settings)
  sizeBytes = unhurried.rounds[0]?.bytesUp ?? 0
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await link[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test('pings are answered behind an update of more than 4 MB on a link of 400 kB/s', () => {
  expect(sizeBytes).toBeGreaterThan(4_000_000)
  const during = passed.slice(passed.indexOf('update.open'), passed.indexOf('update.close'))
  expect(during).toContain('ping answered')
  expect(fleet.printed()).not.toContain('"event":"disconnected"')
})

test('an agent that loses its link, and is then killed, in the middle of an upload goes on from the acknowledged offset and sends at most one window again each time', async () => {
  const sentBefore = link.arrived()
  const offsets: number[] = [] // from where it was told to go on
  let acknowledged = 0
  const rest = link.watch((moment, { name, body }) => {
    if (moment === 'before' && name === 'update.open answered') offsets.push(Number(body.offset))
    if (moment === 'after' && name === 'update.chunk answered') acknowledged = Number(body.offset)
    return 'pass'
  })
  const until = (share: number) =>
    new Promise<number>((resolve) => {
      const stop = link.watch(() => {
        if (acknowledged < share * sizeBytes) return 'pass'
        stop()
        resolve(acknowledged)
        return 'cut'
      })
    })
  const run = await fleet.start(settings)
  const lost = await until(0.3)
  const killed = await until(0.6)
  await fleet.restartAgent(0)
  expectSameRun(unhurried, await fleet.operate<RunView>('run', 'watch', run))
  rest()

  expect(offsets).toHaveLength(3)
  expect(offsets[0]).toBe(0)
  expect(offsets[1]).toBeGreaterThanOrEqual(lost)
  expect(offsets[2]).toBeGreaterThanOrEqual(killed)
  const sentAgain = link.arrived() - sentBefore - sizeBytes
  expect(sentAgain).toBeLessThan(2 * WINDOW_BYTES + OVERHEAD_BYTES)
  process.stderr.write(`${sizeBytes} bytes; ${sentAgain} more for two interruptions and everything else\n`)
  expect(trainingsOf(fleet, 0).get(`${run} 1`)).toEqual({ begun: 1, finished: 1 })
})

test('an agent that is killed between its last byte and the receipt is given the receipt without sending or training again', async () => {
  link.set('up', { bytesPerSecond: Number.POSITIVE_INFINITY })
  const run = await fleet.start(settings)
  const strike = () => void fleet.agents[0]?.child.kill('SIGKILL')
  const point = { message: 'update.close answered', moment: 'before' } as const
  expect(await strikeAt(link, point, { graceMs: 0, strike, over: new AbortController().signal })).toBe(true)
  passed = []
  await fleet.restartAgent(0)
  expectSameRun(unhurried, await fleet.operate<RunView>('run', 'watch', run))
  expect(passed).toContain('update.open answered')
  expect(passed).not.toContain('update.chunk')
  expect(trainingsOf(fleet, 0).get(`${run} 1`)).toEqual({ begun: 1, finished: 1 })
})
