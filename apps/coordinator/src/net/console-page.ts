import { readdir, readFile } from 'node:fs/promises'
import { extname, join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Doorway } from './doorway.js'

/** Where `npm run build` leaves the console. */
export const builtConsole = fileURLToPath(new URL('../../../console/dist/page/', import.meta.url))

const media: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}
const SQUEEZED = /^\.(?:html|js|css|svg)$/

/** Only what this coordinator serves may run, be loaded or be asked, and nobody may frame it. */
const POLICY = [
  "default-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const headers = {
  'content-security-policy': POLICY,
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
}

const UNBUILT = `This coordinator works, and has no console: its page was not built.

  npm run build     in the folder of Lorica makes it; then start the coordinator again
  lorica --help     does the same things from a terminal
`

interface PageFile {
  readonly path: string // of the request
  readonly type: string
  readonly bytes: Buffer
  readonly isNamedByContent: boolean
  squeezed(): Buffer | undefined // gzip, where that is worth it
}

/** Serves the files of the built console in `folder` at `/`, or says there that it was not built. They are read once, here. */
export async function consolePage(
  app: FastifyInstance,
  { folder = builtConsole, doorway }: { readonly folder?: string; readonly doorway: Pick<Doorway, 'enter'> },
): Promise<void> {
  const onRequest = async ({ raw }: FastifyRequest) => doorway.enter('page', raw.socket)
  const files = await filesIn(folder)
  if (files.length === 0)
    app.get('/', { onRequest }, async (_, reply) =>
      reply.status(404).headers(headers).type('text/plain; charset=utf-8').send(UNBUILT),
    )
  for (const { path, type, bytes, isNamedByContent, squeezed } of files) {
    app.get(path, { onRequest }, async (request, reply) => {
      const takesGzip = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
      const small = takesGzip ? squeezed() : undefined
      if (isNamedByContent) void reply.header('cache-control', 'public, max-age=31536000, immutable')
      if (small !== undefined) void reply.header('content-encoding', 'gzip')
      return reply
        .headers({ ...headers, vary: 'accept-encoding' })
        .type(type)
        .send(small ?? bytes)
    })
  }
}

async function filesIn(folder: string): Promise<readonly PageFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const names = entries
    .filter((entry) => entry.isFile() && media[extname(entry.name)] !== undefined)
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(folder, sep).length))
  return await Promise.all(names.map((name) => fileOf(folder, name.split(sep).join(posix.sep))))
}

async function fileOf(folder: string, name: string): Promise<PageFile> {
  const bytes = await readFile(join(folder, name))
  const kind = extname(name)
  let squeezed: Buffer | undefined
  return {
    path: name === 'index.html' ? '/' : `/${name}`,
    type: media[kind] ?? 'application/octet-stream',
    bytes,
    isNamedByContent: name.startsWith('assets/'),
    squeezed() {
      if (SQUEEZED.test(kind)) squeezed ??= gzipSync(bytes)
      return squeezed
    },
  }
}
