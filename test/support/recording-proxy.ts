import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'

/** Stands between an agent and its coordinator and keeps every byte that the agent sends. */
export interface RecordingProxy extends AsyncDisposable {
  readonly url: string
  /** What was sent, connection by connection, as it was before WebSocket masked it. */
  sent(): Buffer
}

export async function startRecordingProxy(target: string): Promise<RecordingProxy> {
  const recorded: Buffer[][] = []
  const open = new Set<Socket>()
  const { hostname, port } = new URL(target)
  const server = createServer((near) => {
    const parts: Buffer[] = []
    recorded.push(parts)
    const far = dial(Number(port), hostname)
    near.on('data', (part: Buffer) => parts.push(part))
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
    sent: () => Buffer.concat(recorded.map((parts) => unmasked(Buffer.concat(parts)))),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const END_OF_HEADERS = '\r\n\r\n'

/** The frames of a WebSocket connection in plain bytes (RFC 6455, section 5.2); any other connection as it is. */
export function unmasked(bytes: Buffer): Buffer {
  const headersEnd = bytes.indexOf(END_OF_HEADERS) + END_OF_HEADERS.length
  const headers = bytes.subarray(0, headersEnd).toString('latin1')
  if (!/^upgrade: websocket/im.test(headers)) return bytes
  const parts: Buffer[] = [bytes.subarray(0, headersEnd)]
  let at = headersEnd
  while (at + 6 <= bytes.length) {
    if (((bytes[at] as number) & 0x40) !== 0)
      throw new RangeError('frames expected to be plain, one is compressed')
    const short = (bytes[at + 1] as number) & 0x7f
    const wide = short === 126 ? 2 : short === 127 ? 8 : 0
    if (at + 6 + wide > bytes.length) break
    const length =
      wide === 0 ? short : wide === 2 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
    const mask = bytes.subarray(at + 2 + wide, at + 6 + wide)
    const start = at + 6 + wide
    const payload = Buffer.from(bytes.subarray(start, start + length))
    for (let index = 0; index < payload.length; index++)
      payload[index] = (payload[index] as number) ^ (mask[index % 4] as number)
    parts.push(payload)
    at = start + length
  }
  return Buffer.concat(parts)
}
