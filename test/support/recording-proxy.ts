import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { createSplitter } from './frames.js'

/** Stands between an agent and its coordinator and keeps every byte of both. */
export interface RecordingProxy extends AsyncDisposable {
  readonly url: string
  /** What was sent, connection by connection, as it was before WebSocket masked it. */
  sent(): Buffer
  /** What the coordinator sent, connection by connection. */
  received(): Buffer
  /** What was sent, masked as it travelled. */
  connections(): readonly Buffer[]
}

export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const recorded: Buffer[][] = []
  const answers: Buffer[][] = []
  const open = new Set<Socket>()
  const { hostname, port } = new URL(target)
  const server = createServer((near) => {
    const parts: Buffer[] = []
    const answer: Buffer[] = []
    recorded.push(parts)
    answers.push(answer)
    const far = dial(Number(port), hostname)
    near.on('data', (part: Buffer) => parts.push(part))
    far.on('data', (part: Buffer) => answer.push(part))
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => open.delete(socket))
    }
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => Buffer.concat(answers.map((parts) => Buffer.concat(parts))),
    connections: () => recorded.map((parts) => Buffer.concat(parts)),
    sent: () => Buffer.concat(recorded.map((parts) => unmasked(Buffer.concat(parts)))),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The frames of a WebSocket connection in plain bytes; any other connection as it is. */
export function unmasked(bytes: Buffer): Buffer {
  return Buffer.concat(createSplitter()(bytes).map(({ payload }) => payload))
}
