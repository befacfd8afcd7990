import { writeFile } from 'node:fs/promises'
import { createServer, request as dial } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'
import { tryLorica } from './support/service.js'

/** Passes requests on, and hangs up instead of giving the answer to the first POSTs. */
async function startForgetful(target: string, losses: number) {
  const lost: string[] = []
  const server = createServer((asked, answer) => {
    const { method, headers, url: path } = asked
    const passed = dial(new URL(path ?? '', target), { method, headers }, (answered) => {
      if (method === 'POST' && lost.length < losses) {
        answered.resume().once('end', () => answer.destroy())
        lost.push(String(headers['idempotency-key']))
        return
      }
      answer.writeHead(answered.statusCode ?? 500, answered.headers)
      answered.pipe(answer)
    })
    asked.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    lost,
    [Symbol.asyncDispose]: async () => void server.close().closeAllConnections(),
  }
}

test('a run whose answer was lost twice is started once; under a key of its own it is the same run the next day', async () => {
  await using folder = await createFolder()
  await using fleet = await startFleet({ folder: folder.path, texts: [] })
  await using forgetful = await startForgetful(fleet.url, 2)
  const file = folder.at('run.yaml')
  const spec = {
    ...{ name: 'once', base: { model: './model' }, peft: { rank: 4, alpha: 8 }, data: { maxTokens: 24 } },
    local: { steps: 6, batch: 4, learningRate: 0.05 },
    rounds: { count: 2, minimum: 3, deadline: '90s' },
  }
  await writeFile(file, JSON.stringify(spec)) // which is YAML too
  const asked = ['run', 'start', '-f', file, '--url', forgetful.url, '--token', fleet.adminToken, '--json']
  const started = await tryLorica(asked)
  expect(JSON.parse(started.stdout)).toEqual({ run: 'once-1' })
  expect(forgetful.lost).toHaveLength(2)
  expect(new Set(forgetful.lost).size).toBe(1)

  const keyed = ['run', 'start', '-f', file, '--key', 'nightly-2026-03-02']
  const twice = [await fleet.operate(...keyed), await fleet.operate(...keyed)]
  expect(twice).toEqual([{ run: 'once-2' }, { run: 'once-2' }])
  const { runs } = await fleet.operate<{ runs: { run: string }[] }>('run', 'list')
  expect(runs.map(({ run }) => run)).toEqual(['once-1', 'once-2'])
})
