/**
 * Makes a fresh clone ready: installs what is missing, builds what is stale, and says so on stderr.
 * Plain Node without dependencies, because it runs before anything is installed.
 * @module
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const stampFile = join(root, '.nx', 'built')
const LEAST_NODE = [20, 19]
const PROGRESS_MS = 10_000

const say = (text) => process.stderr.write(`${text}\n`)

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [leastMajor, leastMinor] = LEAST_NODE
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return
  throw new Error(
    `Lorica needs Node ${LEAST_NODE.join('.')} or newer and this is Node ${process.versions.node}. ` +
      'Install a newer one from https://nodejs.org and run the command again.',
  )
}

/** The versions that npm recorded when it last finished are the ones that package-lock.json asks for. */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(record)) return false
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = packagesOf(record)
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = present[path]
    if (found === undefined) return entry.optional === true
    return found.version === entry.version && found.integrity === entry.integrity && found.link === entry.link
  })
}

const packagesOf = (path) => JSON.parse(readFileSync(path, 'utf8')).packages

async function install() {
  say('Installing packages (npm ci) …')
  const npm = process.env.npm_execpath
  const [command, args] = npm?.endsWith('npm-cli.js') ? [process.execPath, [npm, 'ci']] : ['npm', ['ci']]
  const code = await runVisibly('installing', command, [...args, '--no-fund', '--no-audit'], {})
  if (code === 0) return
  throw new Error(
    'npm ci did not finish; its own message is above. Check that the package registry can be reached ' +
      '(npm config get registry; npm ping) and run the command again.',
  )
}

/** Paths, sizes and times of everything that a build reads; "" when some project has no build at all. */
function sourceStamp() {
  const hash = createHash('sha256').update(process.version)
  for (const name of ['package-lock.json', 'tsconfig.base.json', 'nx.json', 'package.json'])
    add(join(root, name))
  for (const project of projectFolders()) {
    if (existsSync(join(project, 'tsconfig.json')) && !existsSync(join(project, 'dist', '.tsbuildinfo')))
      return ''
    for (const entry of readdirSync(project, { withFileTypes: true })) {
      if (entry.isFile()) add(join(project, entry.name))
    }
    const source = join(project, 'src')
    if (!existsSync(source)) continue
    for (const path of readdirSync(source, { recursive: true }).sort()) add(join(source, path))
  }
  return hash.digest('hex')

  function add(path) {
    const { mtimeMs, size } = statSync(path)
    hash.update(`${relative(root, path)}\0${size}\0${mtimeMs}\n`)
  }
}

function projectFolders() {
  const groups = ['libs', 'apps'].map((group) => join(root, group)).filter((group) => existsSync(group))
  const grouped = groups.flatMap((group) => readdirSync(group).map((name) => join(group, name)))
  return [...grouped, join(root, 'tools')].filter((folder) => existsSync(join(folder, 'package.json')))
}

async function build() {
  say('Building what has changed (nx) …')
  const { bin } = JSON.parse(readFileSync(join(root, 'node_modules', 'nx', 'package.json'), 'utf8'))
  const nx = join(root, 'node_modules', 'nx', bin.nx)
  const quiet = {
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
    NX_INTERACTIVE: 'false',
    npm_config_loglevel: 'silent',
  }
  const args = [nx, 'run-many', '--target', 'build', '--parallel', '2', '--outputStyle', 'static']
  const code = await runVisibly('building', process.execPath, args, quiet)
  if (code !== 0) throw new Error('The build failed; the errors are above.')
  const { joinPrograms } = await import('./join.mjs') // needs what was installed
  await joinPrograms(root)
}

/** Runs a program whose output all goes to stderr, with a sign of life while it is silent. */
function runVisibly(doing, command, args, env) {
  const startedMs = performance.now()
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const child = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, PATH: path, ...env },
  })
  const alive = setInterval(() => {
    say(`  still ${doing}, ${Math.round((performance.now() - startedMs) / 1000)} s`)
  }, PROGRESS_MS)
  return new Promise((resolve) => {
    child.once('error', (error) => {
      say(error.message)
      resolve(1)
    })
    child.once('close', (code) => resolve(code ?? 1))
  }).finally(() => clearInterval(alive))
}

try {
  checkNode()
  if (!isInstalled()) await install()
  const stamp = sourceStamp()
  const built = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : ''
  if (stamp === '' || stamp !== built || process.argv.includes('--build')) {
    await build()
    mkdirSync(dirname(stampFile), { recursive: true })
    writeFileSync(stampFile, sourceStamp())
  }
} catch (error) {
  say(`\n${error.message}`)
  process.exitCode = 1
}
