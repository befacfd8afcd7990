import { WebSocket } from 'ws'
import { sendWindowed, type Window } from './transfer.js'

/** A connection to the bare server, with the same socket library, chunks and window as a light agent. */
export interface BareAgent {
  upload(name: string, window: Window, range: (offset: number, length: number) => Uint8Array): Promise<void>
  close(): void
}

/** Connects to the bare server. */
export async function connectBare(port: number): Promise<BareAgent> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
  const waiting: { resolve(text: string): void; reject(error: Error): void }[] = []
  const lost = (): void => {
    for (const { reject } of waiting.splice(0)) reject(new Error('the bare server is gone'))
  }
  socket.on('close', lost)
  socket.on('message', (bytes: Buffer) => waiting.shift()?.resolve(bytes.toString('utf8')))
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  socket.on('error', lost)
  const ask = (frame: string | Uint8Array): Promise<string> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject }) // answers come in the order of the questions
      socket.send(frame)
    })
  return {
    async upload(name, window, range) {
      await ask(`open ${name}`)
      await sendWindowed(window, (offset, length) => ask(range(offset, length)))
      const answer = await ask('close')
      if (answer !== 'closed') throw new Error(`the bare server answered ${answer}`)
    },
    close: () => socket.terminate(),
  }
}
