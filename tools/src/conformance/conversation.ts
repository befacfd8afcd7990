import { limits, type PROTOCOL_VERSION } from '@lorica/protocol'
import type { Candidate } from './candidate.js'
import { refusalIn } from './joining.js'
import type { Statement } from './statement.js'
import { vectorOf } from './vectors.js'
import type { Wire } from './wire.js'

const V1_FIELDS = ['coordinatorId', 'limits', 'protocol']
const V2_FIELDS = ['coordinatorId', 'limits', 'nowMs', 'protocol', 'reconnectMs']

/** What sections 4 and 6 say: versions, and what each message is answered with. The last one takes the agent out of the fleet. */
export const conversation: readonly Statement[] = [
  helloIn(2, V2_FIELDS),
  helloIn(1, V1_FIELDS),
  ...[0, 99].map((protocol) => ({
    section: '6',
    statement: `hello in version ${protocol} is refused with the versions that are spoken`,
    expected: 'LRC-1008: 1 or 2',
    observe: (candidate: Candidate) =>
      over(candidate, async (wire) => {
        const reply = await wire.say('hello', { ...vectorOf(2, 'hello').message, protocol })
        return `${codeIn(reply)}: ${refusalOf(reply)?.expected}`
      }),
  })),
  {
    section: '6',
    statement: 'after a version that is not spoken, hello is said again on the same connection',
    expected: 'LRC-1008, then version 1',
    observe: (candidate) =>
      over(candidate, async (wire) => {
        const newest = await wire.say('hello', { ...vectorOf(2, 'hello').message, protocol: 99 })
        const { id, bytes } = vectorOf(1, 'hello')
        const older = (await wire.ask(id, bytes)) as { readonly protocol?: unknown }
        return `${codeIn(newest)}, then version ${String(older.protocol)}`
      }),
  },
  {
    section: '4',
    statement: 'a message before hello is refused',
    expected: 'LRC-2010',
    observe: (candidate) => over(candidate, golden('blob.read')),
  },
  refused('a message that no version has', 'LRC-1011', (wire) => wire.say('lorem', {})),
  refused('a field too many', 'LRC-1007', (wire) =>
    wire.say('blob.read', { ...vectorOf(2, 'blob.read').message, color: 'blue' }),
  ),
  refused('a field too few', 'LRC-1007', (wire) => wire.say('decline', { code: 'LRC-6001', message: 'no' })),
  refused(
    'a chunk of one byte too many',
    'LRC-1007',
    (wire) =>
      wire.say('update.chunk', { uploadId: 'u1', offset: 0, bytes: new Uint8Array(limits.chunkBytes + 1) }),
    '3',
  ),
  refused('blob.read of bytes that nobody has', 'LRC-3008', asked('blob.read')),
  refused('update.open for an assignment of nobody', 'LRC-4001', asked('update.open')),
  refused('update.chunk of an upload that is not open', 'LRC-4005', asked('update.chunk')),
  refused('update.close of an upload that is not open', 'LRC-4005', asked('update.close')),
  refused('evaluation of an assignment of nobody', 'LRC-4001', asked('evaluation')),
  ignored('progress'),
  ignored('decline'),
  {
    section: '2',
    statement: 'the newest connection of an agent replaces the older one',
    expected: 'the older one is closed, the newer one answers LRC-3008',
    async observe(candidate) {
      const older = await introduced(candidate)
      return await over(candidate, async (newer) => {
        await introduce(newer)
        const became = (await older.isClosed()) ? 'closed' : 'open'
        older.close()
        return `the older one is ${became}, the newer one answers ${await golden('blob.read')(newer)}`
      })
    },
  },
  {
    section: '4',
    statement: 'leave is answered, and the key of the agent is forgotten',
    expected: 'ok, then status 401, LRC-2006',
    async observe(candidate) {
      const left = await over(candidate, async (wire) => {
        await introduce(wire)
        return golden('leave')(wire)
      })
      const again = await candidate.upgrade(await candidate.proof())
      if ('status' in again) return `${left}, then ${refusalIn(again)}`
      again.close()
      return `${left}, then a connection`
    },
  },
]

function helloIn(version: typeof PROTOCOL_VERSION | 1, fields: readonly string[]): Statement {
  const named = fields.join(' ')
  return {
    section: '6',
    statement: `hello in version ${version}, in the bytes of its vector, is answered with the fields of that version and no other`,
    expected: `version ${version}: ${named}`,
    observe: (candidate) =>
      over(candidate, async (wire) => {
        const { id, bytes } = vectorOf(version, 'hello')
        const { ok, ...reply } = (await wire.ask(id, bytes)) as Record<string, unknown>
        if (ok !== true) return codeIn({ ok, ...reply })
        if (reply.coordinatorId !== candidate.coordinatorId) return `coordinator ${reply.coordinatorId}`
        return `version ${reply.protocol}: ${Object.keys(reply).sort().join(' ')}`
      }),
  }
}

function refused(
  what: string,
  code: string,
  say: (wire: Wire) => Promise<unknown>,
  section = '4',
): Statement {
  return {
    section,
    statement: `${what} is refused, and the connection goes on`,
    expected: `${code}, then LRC-3008`,
    observe: (candidate) =>
      over(candidate, async (wire) => {
        await introduce(wire)
        return `${codeIn(await say(wire))}, then ${await golden('blob.read')(wire)}`
      }),
  }
}

function ignored(event: string): Statement {
  return {
    section: '4',
    statement: `${event} of an assignment of nobody is answered, and the connection goes on`,
    expected: 'ok, then LRC-3008',
    observe: (candidate) =>
      over(candidate, async (wire) => {
        await introduce(wire)
        return `${await golden(event)(wire)}, then ${await golden('blob.read')(wire)}`
      }),
  }
}

function asked(event: string): (wire: Wire) => Promise<unknown> {
  const { id, bytes } = vectorOf(2, event)
  return (wire) => wire.ask(id, bytes)
}

/** Says a message in the bytes of its vector. */
function golden(event: string): (wire: Wire) => Promise<string> {
  return async (wire) => codeIn(await asked(event)(wire))
}

/** Says hello. Throws Error when it is refused. */
export async function introduce(wire: Wire): Promise<void> {
  const code = await golden('hello')(wire)
  if (code !== 'ok') throw new Error(`hello was answered with ${code}`)
}

/** A proven connection that has said hello. */
export async function introduced(candidate: Candidate): Promise<Wire> {
  const wire = await candidate.connect()
  await introduce(wire)
  return wire
}

async function over(candidate: Candidate, act: (wire: Wire) => Promise<string>): Promise<string> {
  const wire = await candidate.connect()
  try {
    return await act(wire)
  } finally {
    wire.close()
  }
}

function refusalOf(reply: unknown): { readonly code?: unknown; readonly expected?: unknown } | undefined {
  return (reply as { readonly refusal?: { readonly code?: unknown } } | null)?.refusal
}

function codeIn(reply: unknown): string {
  const refusal = refusalOf(reply)
  if (refusal !== undefined) return String(refusal.code)
  return (reply as { readonly ok?: unknown } | null)?.ok === true ? 'ok' : 'neither ok nor a refusal'
}
