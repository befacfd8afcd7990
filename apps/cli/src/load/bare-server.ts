/**
 * A WebSocket server that only takes bytes in, to hold the coordinator against: the plain `ws` server in a process of its own. An
 * upload is a text frame that names it, chunks as binary frames, each answered with the offset after it once it is written to
 * the file of the upload, and a text frame at the end, answered once the file is flushed to disk. Nothing is parsed, hashed or checked.
 * @module
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import { answerParent } from './child.js'
import { usageNow } from './usage.js'

const folder = process.argv[2] ?? ''
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })

function serve(socket: WebSocket): void {
  let file: FileHandle | undefined
  let written: Promise<number> = Promise.resolve(0)
  const act = async (text: string): Promise<void> => {
    if (text.startsWith('open ')) {
      written = Promise.resolve(0)
      file = await open(join(folder, text.slice('open '.length)), 'w', 0o600)
      socket.send('0')
      return
    }
    await written
    await file?.datasync()
    await file?.close()
    socket.send('closed')
  }
  socket.on('message', (bytes: Buffer, isBinary) => {
    if (!isBinary) {
      act(bytes.toString('utf8')).catch(() => socket.terminate())
      return
    }
    written = written.then(async (offset) => {
      let done = 0
      while (done < bytes.byteLength) done += (await file?.write(bytes, done))?.bytesWritten ?? 0
      socket.send(String(offset + done))
      return offset + done
    })
    written.catch(() => socket.terminate())
  })
}

server.on('connection', serve)
answerParent(async ({ act }: { readonly act: 'port' | 'usage' | 'clear' }) => {
  if (act === 'usage') return usageNow()
  if (act === 'port') {
    await mkdir(folder, { recursive: true })
    if (server.address() === null) await new Promise((resolve) => server.once('listening', resolve))
    return (server.address() as { port: number }).port
  }
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return null
})
