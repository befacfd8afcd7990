import { cp } from 'node:fs/promises'
import { connect as dial } from 'node:net'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { type RecordingProxy, startRecordingProxy } from './support/recording-proxy.js'
import { programs, startService } from './support/service.js'

const settings = { rounds: 3, steps: 40 }

let folder: Folder
let proxy: RecordingProxy
let fleet: Fleet
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({
    folder: folder.path,
    texts: [siteText(0), siteText(1)],
    addressOf: async (agent, url) => {
      if (agent !== 0) return url
      proxy = await startRecordingProxy(url)
      return proxy.url
    },
  })
  await fleet.run({ rounds: 1 })
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

test('everything that an agent once sent, sent again by a stranger, opens no connection and changes nothing', async () => {
  const before = await state()
  const captured = proxy.connections()
  const answers = await Promise.all(captured.map((bytes) => answerTo(bytes)))
  const upgrades = answers.filter((_, index) =>
    /^upgrade: websocket/im.test(String(captured[index]).slice(0, 2000)),
  )
  expect(upgrades.length).toBeGreaterThan(0)
  for (const answer of upgrades) {
    expect(answer).toMatch(/^HTTP\/1.1 401 /)
    expect(answer).toMatch(/LRC-20\d\d/)
  }
  expect(await state()).toEqual(before)
})

test('two agents with one key: the newest connection wins, an alarm is raised, one of them ends, and each round counts the key once', async () => {
  const copy = folder.at('twin')
  await cp(fleet.folders.agent(0), copy, { recursive: true })
  const run = await fleet.start(settings)
  await using twin = startService(programs.agent, ['start', '--dir', copy, '--json'])
  const first = fleet.agents[0] as Fleet['agents'][0]
  const ended = await Promise.race([first.ended, twin.ended])
  expect([ended.status, ended.stdout]).toEqual([4, expect.stringContaining('LRC-2009')])
  const { state, rounds } = await fleet.operate<RunView>('run', 'watch', run)
  expect(state).toBe('succeeded')
  expect(rounds.map(({ contributions }) => contributions.map(({ name }) => name).toSorted())).toEqual(
    Array.from({ length: 3 }, () => ['site-0', 'site-1']),
  )
  expect([first.child.exitCode, twin.child.exitCode].filter((code) => code === null)).toHaveLength(1)
  expect(fleet.coordinator().printed()).toMatch(/ alarm .*duplicate-identity/)
})

async function state(): Promise<unknown> {
  const { agents } = await fleet.operate<{ agents: readonly { agentId: string; state: string }[] }>(
    'agents',
    'list',
  )
  return [agents.map(({ agentId, state }) => [agentId, state]), await fleet.operate('run', 'list')]
}

/** What the coordinator says to bytes from a new connection, until it closes it or half a second is over. */
function answerTo(bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(fleet.url)
  return new Promise((resolve) => {
    const socket = dial(Number(port), hostname, () => socket.write(bytes))
    let answer = ''
    socket.setTimeout(500, () => socket.destroy())
    socket.on('data', (part: Buffer) => {
      answer += part.toString('latin1')
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}
