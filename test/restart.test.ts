import type { RunView } from '@lorica/protocol'
import { beforeAll, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'
import type { Line } from './support/service.js'

const texts = [siteText(1), siteText(3)]
const settings = { rounds: 3, steps: 20 }

let undisturbed: RunView
beforeAll(async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({ folder: folder.path, texts })
  undisturbed = await fleet.run(settings)
})

const trains =
  (round: number) =>
  (line: Line): boolean =>
    line.event === 'assignment' && line.kind === 'train' && line.round === round

test('a coordinator that is killed in a round and started again ends the run as if nothing had happened', async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({ folder: folder.path, texts })
  const ended = fleet.run(settings)
  await fleet.agents[0]?.until(trains(2))
  await fleet.restartCoordinator()
  expectSameAs(undisturbed, await ended)
  const { agents } = await fleet.operate<{ agents: readonly { state: string }[] }>('agents', 'list')
  expect(agents.map(({ state }) => state)).toEqual(['connected', 'connected'])
})

test('a coordinator that is killed as an update arrives counts it once', async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({ folder: folder.path, texts })
  const ended = fleet.run(settings)
  await fleet.agents[1]?.until((line) => line.event === 'uploaded')
  await fleet.restartCoordinator()
  expectSameAs(undisturbed, await ended)
})

test('an agent that is killed in a round and started again without a token ends the run as if nothing had happened', async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({ folder: folder.path, texts })
  const ended = fleet.run(settings)
  await fleet.agents[1]?.until(trains(2))
  await fleet.restartAgent(1)
  expectSameAs(undisturbed, await ended)
  expect(await stoppedPolitely(fleet)).toEqual([0, 0, 0])
})

/** The exit statuses after SIGTERM. */
async function stoppedPolitely(fleet: Fleet): Promise<readonly (number | null)[]> {
  const services = [...fleet.agents, fleet.coordinator()]
  return (await Promise.all(services.map((service) => service.stop('SIGTERM')))).map(({ status }) => status)
}

function expectSameAs(expected: RunView, view: RunView): void {
  expect([view.state, view.release, view.reason]).toEqual(['succeeded', 'v3', expected.reason])
  expect(view.rounds.map(({ round, attempt }) => [round, attempt])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
  ])
  expect(updatesOf(view)).toEqual(updatesOf(expected))
  expect(view.adapterSha256).toBe(expected.adapterSha256)
}

function updatesOf({ rounds }: RunView): readonly (readonly string[])[] {
  return rounds.map(({ contributions }) => contributions.map((one) => one.updateSha256).toSorted())
}
