import { expect, test } from 'vitest'
import { effort } from './support/effort.js'
import { siteText, startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'

test.each(['SIGTERM', 'SIGKILL'] as const)(
  `${effort.agents} agents come back by themselves after the ${'%s'} and restart of their coordinator`,
  {
    timeout: 120_000 + 10_000 * effort.agents,
  },
  async (signal) => {
    await using folder = await createFolder()
    const texts = Array.from({ length: effort.agents }, (_, site) => siteText(site % 5))
    await using fleet = await startFleet({ folder: folder.path, texts })
    const seen = fleet.agents.map(({ lines }) => lines.length)
    await fleet.restartCoordinator(signal)
    await Promise.all(
      fleet.agents.map(({ lines, until }, agent) =>
        until((line) => line.event === 'connected' && lines.indexOf(line) >= (seen[agent] ?? 0)),
      ),
    )
    const { agents } = await fleet.operate<{ agents: readonly { state: string }[] }>('agents', 'list')
    expect(agents.map(({ state }) => state)).toEqual(texts.map(() => 'connected'))
    expect(fleet.agents.map(({ child }) => child.exitCode)).toEqual(texts.map(() => null))
  },
)
