/**
 * A coordinator of secure sums on a real socket, honest but for what a test has it say, and agents with their real links to it.
 * @module
 */
import { createHash } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  addInput,
  closeInputs,
  deliverShares,
  finishSum,
  gatherConfirmations,
  isRefusal,
  listKeys,
  type Masking,
  MEASURED_ELEMENTS,
  measuredRing,
  planGraph,
  type SecureSum,
  type SumTerms,
  steppedRing,
  unpackRing,
} from '@lorica/privacy'
import {
  createIdentity,
  type EvaluateAssignment,
  FLEET_PATH,
  type Identity,
  LoricaError,
  parser,
  questionOf,
  type SumDelivery,
  type SumRoster,
  type TrainAssignment,
  trainingHash,
  verifyText,
} from '@lorica/protocol'
import { Server, type Socket } from 'socket.io'
import { systemClock } from './clock.js'
import { createTransfers } from './net/delivery.js'
import { systemRandom } from './random.js'
import type { Sat, Sitting } from './sitting.fixture.js'
import { openOutbox } from './store/outbox.js'
import { openSumBook } from './store/sum-book.js'
import { maskHere } from './summing/masking.js'
import { sumMeasured } from './summing/measured-sum.js'
import { takePart } from './summing/secure-sum.js'
import { sumLink } from './summing/sum-link.fixture.js'
import { createSumMail } from './summing/sum-mail.js'
import { evaluation, assignment as plain } from './work/contribution.fixture.js'

/** A whole sum, or as much of it as the lies leave. */
export async function sit(sitting: Sitting): Promise<Sat> {
  const clock = systemClock()
  const count = sitting.agents ?? 4
  const folder = await mkdtemp(join(tmpdir(), 'lorica-sum-'))
  const values = sitting.values ?? ((agent) => Float32Array.of(0.25 * agent, -0.5, 1, 0.125))
  const elements = values(0).length
  const ring = steppedRing({ agents: count, bound: 1 })
  const demands = planGraph({ agents: count, corruptShare: 0, dropoutShare: 0.3 })
  const { measured } = sitting
  const question: EvaluateAssignment = { ...evaluation, ...sitting.asked }
  const training: TrainAssignment = {
    ...plain,
    maxUpdateNorm: sitting.clip === undefined ? 1 : sitting.clip,
  }
  const terms: SumTerms = {
    ...{ runId: 'r1', round: 3, attempt: 1, elements, ring },
    ...demands,
    ...(measured === undefined
      ? { training: trainingHash(training) }
      : { elements: MEASURED_ELEMENTS, ring: measuredRing(count), measures: questionOf(question) }),
    ...sitting.terms,
  }
  const ids = Array.from({ length: count }, () => createIdentity()).sort((a, b) => (a.id < b.id ? -1 : 1))
  const keys = new Map(ids.map(({ id, publicKey }) => [id, publicKey]))
  const verify = (id: string, text: string, signature: string) =>
    verifyText(keys.get(id) ?? '', text, signature)
  const said = new Map<string, string[]>(ids.map(({ id }) => [id, []]))
  const frames: Buffer[] = []
  const heard = new Map<string, Map<string, Record<string, unknown>>>() // event -> agent -> message
  const uploads = new Map<string, Buffer[]>()
  const sockets = new Map<string, Socket>()

  const http = createServer()
  const io = new Server(http, {
    path: FLEET_PATH,
    parser,
    transports: ['websocket'],
    addTrailingSlash: false,
  })
  io.on('connection', (socket) => {
    const agent = String(socket.handshake.headers['x-agent'])
    sockets.set(agent, socket)
    socket.conn.on('data', (data: unknown) => frames.push(Buffer.from(data as Uint8Array)))
    socket.on('hello', ({ protocol }, answer) =>
      answer({
        ok: true,
        protocol,
        coordinatorId: 'c'.repeat(32),
        limits: { chunkBytes: 262_144, windowChunks: 4 },
      }),
    )
    socket.onAny((event: string, message: Record<string, unknown>, answer: (reply: object) => void) => {
      if (event === 'hello') return
      said.get(agent)?.push(event)
      if (event === 'sum.input') {
        uploads.set(agent, [Buffer.from(message.masked as Uint8Array)])
        heard.set('input', (heard.get('input') ?? new Map()).set(agent, {}))
        answer({ ok: true })
      } else if (event.startsWith('sum.')) {
        heard.set(event, (heard.get(event) ?? new Map()).set(agent, message))
        answer({ ok: true })
      }
      if (event === 'update.open') {
        uploads.set(agent, [])
        answer({ ok: true, uploadId: 'u1', offset: 0 })
      }
      if (event === 'update.chunk') {
        const parts = uploads.get(agent)!
        parts.push(Buffer.from(message.bytes as Uint8Array))
        answer({ ok: true, offset: parts.reduce((sum, part) => sum + part.byteLength, 0) })
      }
      if (event === 'update.close') {
        const updateSha256 = createHash('sha256')
          .update(Buffer.concat(uploads.get(agent)!))
          .digest('hex')
        heard.set('input', (heard.get('input') ?? new Map()).set(agent, {}))
        answer({ ok: true, receipt: { updateSha256, round: 3, acceptedAt: '2026-05-04T03:02:01Z' } })
      }
    })
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`

  const { runId: _, round: __, measures: ___, training: ____, ...secure } = terms
  const asked: TrainAssignment = { ...training, secure: { ...secure, ring: { ...terms.ring } } }
  const over = new AbortController()
  const ends = ids.map(async (identity, at) => {
    const mail = createSumMail()
    const link = sumLink(url, identity, mail)
    const outbox = openOutbox(join(folder, `outbox-${at}`))
    const { sumDelivery, measuredDelivery } = createTransfers({
      ...{ link, outbox, clock, stopped: over.signal, onBytes: () => {}, onMoved: () => {} },
    })
    const announced = { assignmentId: 'a1', examples: 0, tokens: 1, trainMs: 1, lossFirst: 0, lossLast: 0 }
    const book = (at === 0 ? sitting.book : undefined) ?? openSumBook(join(folder, `sums-${at}`))
    const parts = {
      ...{ agentId: identity.id, coordinatorId: 'c'.repeat(32), identity, book, mail },
      company: {
        ...{ minAgents: 2, peers: null, ...(at === 0 ? sitting.company : {}) },
        ...(at === 0 && sitting.knows !== undefined
          ? { peers: new Set(sitting.knows.map((other) => ids[other]!.id)) }
          : {}),
      },
      ...{
        random: systemRandom().bytes,
        record: async () => {},
        mask: async (one: Masking) => maskHere(one),
      },
    }
    const sumUp = (): Promise<readonly string[]> =>
      measured === undefined
        ? takePart(
            { ...asked, ...sitting.trainedAs?.(at) },
            values(at),
            { ...parts, delivery: sumDelivery(announced) },
            over.signal,
          )
        : sumMeasured(
            { ...question, ...(sitting.askedAs?.(at) ?? {}), secure: { ...secure, ring: { ...terms.ring } } },
            measured(at),
            { ...parts, delivery: measuredDelivery('a1') },
            over.signal,
          )
    try {
      const survivors = await sumUp()
      return `sum of ${survivors.length}`
    } catch (error) {
      return error instanceof LoricaError ? error.code : String(error)
    } finally {
      setTimeout(() => link.close(), 50)
    }
  })

  let hasEnded = 0
  for (const end of ends) void end.then(() => hasEnded++)
  const [victim] = ids as [Identity]
  const ended = ends[0]!.then((code) => ({ code }))
  /** Waits until everybody, or everybody but the victim once that has ended, said something. */
  const all = async (event: string): Promise<ReadonlyMap<string, Record<string, unknown>>> => {
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    const deadlineMs = performance.now() + 5000
    for (;;) {
      const present = heard.get(event) ?? new Map()
      const wanted = ids.filter(({ id }) => !isOver || id !== victim.id)
      if (wanted.every(({ id }) => present.has(id))) return present
      if (hasEnded === ids.length) throw new Error('everybody ended')
      if (performance.now() > deadlineMs) throw new Error(`waited for ${event}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  const tell = (event: string, messageOf: (agent: string) => object): void => {
    for (const { id } of ids) sockets.get(id)?.emit(event, messageOf(id), () => {})
  }
  const lied = <T extends object>(agent: string, truth: T, lie: ((truth: T) => T) | undefined): T =>
    agent === victim.id && lie !== undefined ? lie(truth) : truth

  const conduct = async (): Promise<SecureSum | null> => {
    const given = await all('sum.keys')
    const advertisements = [...given]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([agent, { assignmentId: _a, ...own }]) => ({
        agent,
        ...own,
      })) as never[]
    const listed = listKeys(terms, advertisements, verify)
    if (isRefusal(listed)) throw new Error(listed.message)
    const roster = (advertisements as { agent: string }[]).map((one) => ({
      ...one,
      publicKey: keys.get(one.agent),
    }))
    const truth = { assignmentId: 'a1', agents: roster } as unknown as SumRoster
    tell('sum-roster', (agent) => lied(agent, truth, (one) => sitting.roster?.(one, ids, terms) ?? one))
    const shares = [...(await all('sum.shares'))].flatMap(([from, { shares: own }]) =>
      (own as { to: string; sealed: Uint8Array }[]).map((one) => ({
        from,
        to: one.to,
        sealed: Uint8Array.from(one.sealed),
      })),
    )
    const delivered = deliverShares(listed, shares)
    if (isRefusal(delivered)) throw new Error(delivered.message)
    tell('sum-delivery', (agent) => {
      const { senders, shares: own } = delivered.deliveries.get(agent) ?? { senders: [], shares: [] }
      const message = {
        assignmentId: 'a1',
        senders: [...senders],
        shares: own.map(({ from, sealed }) => ({ from, sealed })),
      }
      return lied(agent, message as SumDelivery, sitting.delivery)
    })
    let state = delivered.next
    for (const [agent] of await all('input')) {
      const vector = unpackRing(Buffer.concat(uploads.get(agent)!), terms.elements, terms.ring.bits)
      const next = addInput(state, { agent, vector })
      if (isRefusal(next)) throw new Error(next.message)
      state = next
    }
    const closing = closeInputs(state)
    if (isRefusal(closing)) throw new Error(closing.message)
    const message = { assignmentId: 'a1', survivors: [...closing.survivors] }
    tell('sum-survivors', (agent) => lied(agent, message, sitting.survivors))
    const signed = [...(await all('sum.confirm'))].map(([agent, { signature }]) => ({
      agent,
      signature: String(signature),
    }))
    const gathered = gatherConfirmations(closing, signed, verify)
    if (isRefusal(gathered)) throw new Error(gathered.message)
    const confirmations = { assignmentId: 'a1', confirmations: [...gathered] }
    tell('sum-confirmations', (agent) => lied(agent, confirmations, sitting.confirmations))
    const reveals = [...(await all('sum.reveal'))].map(([agent, { shares: own }]) => ({
      agent,
      shares: (own as never[]).map((one: { share: Uint8Array }) => ({
        ...one,
        share: Uint8Array.from(one.share),
      })) as never[],
    }))
    const sum = await finishSum(closing, reveals)
    return isRefusal(sum) ? null : sum
  }
  try {
    const summed = conduct().catch(() => null)
    void summed.then(() => setTimeout(() => over.abort(new LoricaError('LRC-6010', 'the sum is over')), 300))
    const { code } = await ended
    const sum = await summed
    const masked = ids.flatMap(({ id }) => {
      const parts = uploads.get(id)
      if (parts === undefined) return []
      return [unpackRing(Buffer.concat(parts), terms.elements, terms.ring.bits)]
    })
    return { victim: code, said: said.get(victim.id) ?? [], frames, masked, sum, terms }
  } finally {
    over.abort(new LoricaError('LRC-6010', 'the test is over'))
    await Promise.allSettled(ends)
    await io.close()
  }
}
