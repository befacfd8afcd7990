/**
 * Events as they happen, on one response.
 * Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
 * @module
 */
import type { ServerResponse } from 'node:http'

export interface EventStream {
  readonly isOpen: boolean
  send(event: object): void
  /** Ends the stream, as clients of OpenAI's API expect it. */
  end(): void
}

/** A stream whose head is sent with its first event, so that an error before that can have a status of its own. */
export function createEventStream(response: ServerResponse): EventStream {
  const open = (): void => {
    if (response.headersSent) return
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
    })
  }
  return {
    get isOpen() {
      return response.headersSent
    },
    send(event) {
      open()
      response.write(`data: ${JSON.stringify(event)}\n\n`)
    },
    end() {
      open()
      response.end('data: [DONE]\n\n')
    },
  }
}
