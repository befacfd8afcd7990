import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RolloutDetail } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { siteText, startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'
import { type Line, programs, type Service, startService } from './support/service.js'

const groups = "[{ size: 100%, where: 'label.site == oslo', name: Oslo }, 100%]"
const plan = `{ groups: ${groups}, soak: 200ms, analysis: [{ metric: loss, worseBy: 1%, least: 3 }, { metric: failures }] }`
const sites = ['oslo', 'turin']

/** Asks a program that serves for as long as it is let, one request after the other. */
function askWithout(url: string) {
  const answers: { readonly status: number; readonly version: string }[] = []
  let isOver = false
  const asking = (async () => {
    while (!isOver) {
      const response = await fetch(`${url}/v1/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'champion', prompt: 'In the year', max_tokens: 3, temperature: 0 }),
      })
      const { system_fingerprint: version } = (await response.json()) as {
        readonly system_fingerprint: string
      }
      answers.push({ status: response.status, version })
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  })()
  return {
    answers,
    async end() {
      isOver = true
      await asking
    },
  }
}

test('a better release reaches everybody, one that is worse goes back by itself, and no request fails', async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({
    folder: folder.path,
    texts: [siteText(0), siteText(1)],
    join: (agent) => ['--label', `site=${sites[agent]}`],
  })
  await fleet.run({ rounds: 1, steps: 3 })
  await fleet.operate('releases', 'alias', 'set', 'champion', 'v1')
  const serving: Service[] = []
  const asking: ReturnType<typeof askWithout>[] = []
  try {
    for (const at of sites.keys())
      serving.push(
        startService(programs.agent, [
          ...['serve', '--dir', fleet.folders.agent(at), '--port', '0', '--threads', '1', '--json'],
        ]),
      )
    const urls = await Promise.all(
      serving.map(async (one) => (await one.until(({ event }) => event === 'serving')).url as string),
    )
    const asked = urls.map(askWithout)
    asking.push(...asked)
    const seen = () => asked.map(({ answers }) => answers.at(-1)?.version)
    const run = await fleet.run({ rounds: 1, steps: 12, seed: 12, rollout: plan })
    expect(run.release).toBe('v2')
    const better = await fleet.operate<RolloutDetail>('rollout', 'watch')
    expect([better.state, better.release, better.cause.run]).toEqual(['done', 'v2', run.run])
    expect(better.agents.map(({ has, isServed }) => [has, isServed])).toEqual([
      ['v2', true],
      ['v2', true],
    ])
    expect(better.metrics[0]?.difference).toBeLessThan(0)
    await expect.poll(seen, { timeout: 20_000 }).toEqual(['v2', 'v2'])

    await fleet.run({ rounds: 1, steps: 12, seed: 13, learningRate: 3 })
    const file = join(folder.path, 'plan.yaml')
    await writeFile(file, plan)
    await fleet.operate('rollout', 'start', 'v3', '-f', file)
    const worse = await fleet.operate<RolloutDetail>('rollout', 'watch').catch((error: unknown) => error)
    const story = await fleet.operate<RolloutDetail>('rollout', 'history', 'rollout-2')
    expect([worse, story.state, story.group]).toEqual([expect.anything(), 'aborted', 1])
    expect(story.reason).toContain('loss of all agents')
    expect(story.history.at(-1)?.evidence?.[0]?.verdict).toBe('fail')
    await expect.poll(seen, { timeout: 20_000 }).toEqual(['v2', 'v2'])
    expect(asked[0]?.answers.some(({ version }) => version === 'v3')).toBe(true)
    expect(asked[1]?.answers.some(({ version }) => version === 'v3')).toBe(false)

    await fleet.operate('rollout', 'undo', 'rollout-1', '--yes')
    await expect.poll(seen, { timeout: 20_000 }).toEqual(['v1', 'v1'])
    for (const agent of fleet.agents) {
      const isBack = ({ event, name, serial }: Line) =>
        event === 'target-applied' && name === 'v1' && Number(serial) > 3
      expect(await agent.until(isBack)).toMatchObject({ isServed: true, downloadedBytes: 0 })
    }
    for (const one of asked) await one.end()
    expect(new Set(asked.flatMap(({ answers }) => answers.map(({ status }) => status)))).toEqual(
      new Set([200]),
    )
  } finally {
    for (const one of asking) await one.end().catch(() => undefined)
    for (const one of serving) await one.stop('SIGTERM')
  }
})
