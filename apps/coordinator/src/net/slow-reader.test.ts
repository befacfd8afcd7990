import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { startAgent } from '../agent.fixture.js'
import { startFleet } from '../fleet.fixture.js'

const AT_ONCE = 16 // below what one connection may leave unanswered
const ROUNDS = 100
const SIZE_BYTES = 262_144

test('an agent that asks without end and reads no answer loses its connection, and the others go on', async () => {
  await using fleet = await startFleet()
  const greedy = await startAgent(fleet, 'oslo')
  const patient = await startAgent(fleet, 'turin')
  const sha256 = await keepBlob(join(dirname(fleet.model), 'coordinator'))

  const { transport } = greedy.socket.io.engine as unknown as {
    transport: { ws: { pause(): void } }
  }
  transport.ws.pause()
  const states = async () => {
    const { agents } = (await fleet.api('GET', '/api/v1/agents')).body as {
      agents: { name: string; state: string }[]
    }
    return Object.fromEntries(agents.map(({ name, state }) => [name, state]))
  }
  let asked = 0
  while (asked < ROUNDS && (await states()).oslo === 'connected') {
    for (let index = 0; index < AT_ONCE; index++)
      greedy.socket.emit('blob.read', { sha256, offset: 0, length: SIZE_BYTES }, () => {})
    asked++
  }
  expect((await states()).oslo).not.toBe('connected')
  expect(fleet.logged('agent-dropped')).toHaveLength(1)
  expect(asked * AT_ONCE * SIZE_BYTES).toBeGreaterThan(16 * 1024 * 1024)
  expect((await patient.read(sha256)).byteLength).toBe(SIZE_BYTES)
})

/** A blob as large as one answer may be. */
async function keepBlob(folder: string): Promise<string> {
  const bytes = Uint8Array.from({ length: SIZE_BYTES }, (_, index) => (index * 7) % 251)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const path = join(folder, 'blobs', sha256.slice(0, 2), sha256)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  return sha256
}
