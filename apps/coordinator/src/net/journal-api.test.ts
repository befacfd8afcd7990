import type { JournalPage } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { serveRoutes } from '../api/route.js'
import { startFleet } from '../fleet.fixture.js'
import { nextLine } from '../journal/chain.js'
import type { StoredLine } from '../store/store.js'
import { openHttp } from './http.js'
import { journalRoutes } from './journal-api.js'

/** A journal of twelve lines in batches of five, with the hash of each; `change` is made behind the back of the chain. */
function recordsOf(change: (line: StoredLine) => StoredLine = (line) => line) {
  let end = { seq: 0, hash: '0'.repeat(64) }
  const lines = Array.from({ length: 12 }, (_, index) => {
    const event = { type: 'operator-removed', name: `ada-${index + 1}` } as const
    const made = nextLine(end, event, '2026-05-06T07:08:09.000Z')
    end = made.end
    return { line: change({ seq: made.end.seq, line: made.line }), hash: made.end.hash }
  })
  async function* read(after: number) {
    for (let at = after; at < lines.length; at += 5) yield lines.slice(at, at + 5).map(({ line }) => line)
  }
  return { hashes: lines.map(({ hash }) => hash), store: { name: 'journal', read }, safeSeq: () => 11 }
}

async function asked(records: ReturnType<typeof recordsOf>, url: string) {
  const app = openHttp(() => {})
  serveRoutes(app, journalRoutes(records))
  const { statusCode, body } = await app.inject({ method: 'GET', url })
  await app.close()
  return { status: statusCode, body: JSON.parse(body) as unknown }
}

const seqs = ({ body }: { readonly body: unknown }) => (body as JournalPage).lines.map(({ seq }) => seq)

test('the journal is read from its end, a page at a time, and shows only lines that are safe', async () => {
  const records = recordsOf()
  const first = await asked(records, '/api/v1/journal?lines=4')
  expect(seqs(first)).toEqual([11, 10, 9, 8])
  expect(first.body).toMatchObject({
    last: 11,
    lines: [{ type: 'operator-removed', fields: { name: 'ada-11' }, hash: records.hashes[10] }, {}, {}, {}],
  })
  expect(seqs(await asked(records, '/api/v1/journal?lines=4&before=8'))).toEqual([7, 6, 5, 4])
  expect(seqs(await asked(records, '/api/v1/journal?before=3'))).toEqual([2, 1])
  expect(seqs(await asked(records, '/api/v1/journal?before=1'))).toEqual([])
  expect(await asked(records, '/api/v1/journal?before=last')).toMatchObject({
    status: 400,
    body: { code: 'LRC-1007', received: '"last"' },
  })
})

test('a chain that holds is told with its last hash, and a line that was changed is named', async () => {
  const whole = recordsOf()
  expect((await asked(whole, '/api/v1/journal/verify')).body).toEqual({ lines: 11, hash: whole.hashes[10] })
  const changed = recordsOf(({ seq, line }) => ({
    seq,
    line: seq === 7 ? line.replace('ada-7', 'eva-7') : line,
  }))
  expect(await asked(changed, '/api/v1/journal/verify')).toMatchObject({
    status: 500,
    body: { code: 'LRC-5001', detail: expect.stringContaining('line 7') },
  })
})

test('no line shows the hash of a token', async () => {
  await using fleet = await startFleet()
  await fleet.api('POST', '/api/v1/operators', { name: 'ada', role: 'viewer' })
  const { body } = await fleet.api('GET', '/api/v1/journal')
  const lines = (body as JournalPage).lines
  expect(lines.map(({ type }) => type)).toEqual([
    'operator-added',
    'token-issued',
    'root-published',
    'coordinator-started',
  ])
  expect(lines[0]?.fields).toEqual({ name: 'ada', role: 'viewer' })
  expect(JSON.stringify(body)).not.toContain('Sha256')
})
