import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { siteText, startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'
import { programs, startService, tryLorica } from './support/service.js'

test('an agent serves the release that it verified last, and the next one without a request that fails', async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({ folder: folder.path, texts: [siteText(0)] })
  const own = fleet.folders.agent(0)
  await using serving = startService(programs.lorica, [
    ...['agent', 'serve', '--dir', own, '--port', '0', '--threads', '1', '--json'],
  ])
  await serving.until(({ event }) => event === 'awaits-release')
  await fleet.run({ rounds: 1 })
  const { url, release } = (await serving.until(({ event }) => event === 'serving')) as Record<
    string,
    unknown
  >
  expect(release).toBe('v1')

  const ask = async (model: string) => {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, prompt: 'In the year', max_tokens: 6, temperature: 0, logprobs: 0 }),
    })
    const body = (await response.json()) as {
      readonly system_fingerprint: string
      readonly choices: readonly [{ readonly logprobs: { readonly token_logprobs: readonly number[] } }]
    }
    return {
      status: response.status,
      version: body.system_fingerprint,
      logprobs: body.choices[0].logprobs.token_logprobs,
    }
  }
  const [first, base] = [await ask('champion'), await ask('base')]
  expect([first.version, base.version]).toEqual(['v1', 'base'])
  expect(first.logprobs).not.toEqual(base.logprobs)

  const seen = [first]
  const ended = fleet.run({ rounds: 2, seed: 12 })
  const served = serving.until(({ event, name }) => event === 'release-served' && name === 'v3')
  let isServed = false
  void served.then(() => {
    isServed = true
  })
  while (!isServed) seen.push(await ask('champion'))
  seen.push(await ask('champion'))
  await ended
  expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([200]))
  const versions = seen.map(({ version }) => version)
  expect(versions.at(-1)).toBe('v3')
  expect(versions).toEqual(versions.toSorted())
  expect(seen.at(-1)?.logprobs).not.toEqual(first.logprobs)
  expect((await serving.stop('SIGTERM')).status).toBe(0)

  await rename(join(own, 'bases'), join(own, 'bases-away')) // as where nothing was trained
  const bare = await tryLorica(['agent', 'serve', '--dir', own, '--port', '0', '--json'])
  expect([bare.status, bare.stdout]).toEqual([3, expect.stringContaining('is not on this machine')])
  expect(bare.stdout).toContain('--base FOLDER')
  await using given = startService(programs.lorica, [
    ...['agent', 'serve', '--dir', own, '--port', '0', '--threads', '1', '--json', '--base', fleet.model],
  ])
  expect(await given.until(({ event }) => event === 'serving')).toMatchObject({ release: 'v3' })
  await given.stop('SIGTERM')

  await writeFile(join(own, 'releases', 'v3', 'adapter_config.json'), '{}')
  const tampered = startService(programs.lorica, ['agent', 'serve', '--dir', own, '--port', '0', '--json'])
  const { status, stdout } = await tampered.ended
  expect([status, stdout]).toEqual([3, expect.stringContaining('LRC-6007')])
})
