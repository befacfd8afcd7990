import type { RunEvent } from '@lorica/protocol'
import type { FastifyReply } from 'fastify'
import type { Clock } from '../clock.js'
import type { Ledger } from '../ledger.js'

const BUFFERED_BYTES = 4 * 1024 * 1024 // lines that a slow reader may leave unread
const KEEP_ALIVE_MS = 15_000

/** Streams the events of a run after `afterSeq` as lines of JSON, then the later ones as they come, until the run has ended. */
export function streamEvents(
  { ledger, clock }: { readonly ledger: Ledger; readonly clock: Clock },
  runId: string,
  afterSeq: number,
  reply: FastifyReply,
): void {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  raw.flushHeaders()
  const stopKeepAlive = clock.every(KEEP_ALIVE_MS, () => raw.write('\n')) // an empty line means nothing
  const stop = () => {
    stopKeepAlive()
    unlisten()
  }
  const send = (event: RunEvent) => {
    if (event.runId !== runId) return
    raw.write(`${JSON.stringify(event)}\n`)
    if (event.type === 'run-ended') {
      stop()
      raw.end()
    } else if (raw.writableLength > BUFFERED_BYTES) {
      stop()
      raw.destroy() // it reads again from its last seq
    }
  }
  const unlisten = ledger.listen(send)
  raw.on('close', stop)
  const events = ledger.eventsOf(runId)
  for (const event of events) if (event.seq > afterSeq && !raw.writableEnded) send(event)
  if (events.some(({ type }) => type === 'run-ended') && !raw.writableEnded) {
    stop()
    raw.end()
  }
}
