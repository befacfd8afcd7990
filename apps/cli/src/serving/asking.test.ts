import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { askAtOnce } from './asking.js'

test('clients ask at once, one request after the other; what is refused or cut off is a failure with its reason', async () => {
  let [open, most, count] = [0, 0, 0]
  const server = createServer(async (request, response) => {
    most = Math.max(most, ++open)
    for await (const _ of request);
    const turn = ++count
    setTimeout(() => {
      open--
      if (turn === 5) response.writeHead(429).end('too many')
      else if (turn === 7) request.socket.destroy()
      else response.end('{}')
    }, 5)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const asking = askAtOnce(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, 3, { a: 1 })
  await asking.answered(12)
  await asking.end()
  server.close()
  const done = asking.done()
  expect(most).toBe(3)
  expect(done).toHaveLength(count)
  const failures = done.flatMap(({ failure }) => failure ?? [])
  expect(failures).toHaveLength(2)
  expect(failures).toContain('429: too many')
  for (const { startMs, endMs } of done) expect(endMs - startMs).toBeGreaterThan(3)
})
