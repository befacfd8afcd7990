import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { runLorica } from './support/lorica.js'

interface Status {
  readonly activity: { readonly doing: string } | null
  readonly pause: { readonly until: string | null } | null
  readonly policy: object
  readonly bytesToday: number
}

describe('the site has the last word', () => {
  let folder: Folder
  let fleet: Fleet
  beforeAll(async () => {
    folder = await createFolder()
    fleet = await startFleet({ folder: folder.path, texts: [siteText(0), siteText(1)] })
  })
  afterAll(async () => {
    await fleet[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })

  const agent = (verb: string, ...more: readonly string[]) =>
    runLorica<Status>(['agent', verb, '--dir', fleet.folders.agent(0), ...more])
  const writePolicy = (text: string) => writeFile(join(fleet.folders.agent(0), 'policy.yaml'), text)

  test('a policy that is edited while the agent runs declines, and the operators read why', async () => {
    expect(await readFile(join(fleet.folders.agent(0), 'policy.yaml'), 'utf8')).toContain('# maxRank: 16')
    await writePolicy('maxRank: 3\n')
    const runId = await fleet.start({ rounds: 1 })
    const failed = await fleet.operate<RunView>('run', 'watch', runId)
    expect(failed.state).toBe('failed')
    expect(failed.reason).toContain('LRC-3006')
    expect(fleet.coordinator().printed() + fleet.printed()).toContain('rank 4, this site allows at most 3')
    expect((await agent('status')).policy).toEqual({ maxRank: 3 })
  })

  test('a policy that is not valid allows nothing', async () => {
    await writePolicy('maxRank: many\n')
    const runId = await fleet.start({ rounds: 1 })
    expect((await fleet.operate<RunView>('run', 'watch', runId)).state).toBe('failed')
    expect(fleet.printed()).toContain('the policy of this site is not valid: \\"maxRank\\"')
  })

  test('a pause in the middle of a round holds training, and nothing is lost when it ends', async () => {
    await writePolicy('')
    const runId = await fleet.start({ rounds: 1, steps: 2500 })
    await fleet.agents[0]?.until(({ event, phase }) => event === 'progress' && phase === 'train')
    await agent('pause', '--for', '4s')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    const during = await agent('status')
    expect(during.pause?.until).not.toBeNull()
    expect(during.activity?.doing).toContain(`round 1 of ${runId}`)
    const view = await fleet.operate<RunView>('run', 'watch', runId)
    expect(view.state).toBe('succeeded')
    expect(view.rounds[0]?.contributions).toHaveLength(2)
    const after = await agent('status')
    expect(after.pause).toBeNull()
    expect(after.bytesToday).toBeGreaterThan(10_000)
  })
})
