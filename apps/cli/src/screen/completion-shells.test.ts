/** Completion as a person meets it: real shells on a terminal of their own, with the scripts of the whole command line. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Shell, shells } from './completion.js'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const isHere = (program: string, flag = '--version'): boolean => spawnSync(program, [flag]).status === 0
const here: Readonly<Record<Shell, boolean>> = {
  bash: isHere('bash') && isHere('script'), // script gives it a terminal
  zsh: isHere('zsh'),
  fish: isHere('fish'),
}
const namesOf = (wanted: boolean): string =>
  shells.filter((shell) => here[shell] === wanted).join(', ') || 'none'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorica-completion-'))
  await Promise.all(
    shells.map(async (shell) => {
      const { stdout } = await promisify(execFile)(process.execPath, [main, 'completion', shell])
      await writeFile(join(folder, shell === 'zsh' ? '_lorica' : `lorica.${shell}`), stdout)
    }),
  )
  await writeFile(join(folder, 'adapter-of-ours'), '')
}, 60_000)
afterAll(() => rm(folder, { recursive: true }))

/** A line, and what has to be among what is offered behind it, and what must not. */
const lines: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['lorica rollo', ['rollout'], ['run', 'rounds']],
  ['lorica run sta', ['start'], ['show']],
  ['lorica trust dr', ['draft'], ['train']],
  ['lorica train --de', ['--device'], ['--dir']],
  ['lorica train --device c', ['cpu', 'cuda', 'coreml'], ['dml', 'webgpu']],
  ['lorica train --device=cu', ['cuda'], ['cpu', 'dml']],
  ['lorica train --out adapter-o', ['adapter-of-ours'], ['lorica.fish']],
]

test(`completion works in the shells that are installed (${namesOf(true)}; not here, so skipped: ${namesOf(false)})`, async () => {
  const asked: Readonly<Record<Shell, typeof byBash>> = { bash: byBash, zsh: byZsh, fish: byFish }
  const installed = shells.filter((shell) => here[shell])
  await Promise.all(
    installed.map(async (shell) => {
      const offers = await asked[shell](lines.map(([line]) => line))
      for (const [at, [line, wanted, unwanted]] of lines.entries()) {
        const offered = (offers[at] ?? []).map((word) => word.replace(/^--device=/, '').trim())
        expect(offered, `${shell}: ${line}`).toEqual(expect.arrayContaining([...wanted]))
        expect(
          offered.filter((word) => unwanted.includes(word)),
          `${shell}: ${line}`,
        ).toEqual([])
      }
    }),
  )
}, 60_000)

/** What fish offers; it tells by itself. */
async function byFish(asked: readonly string[]): Promise<readonly (readonly string[])[]> {
  const script = 'source lorica.fish; for line in $argv; complete -C $line; echo; end'
  const { stdout } = await promisify(execFile)('fish', ['--no-config', '-c', script, ...asked], {
    cwd: folder,
  })
  return stdout.split('\n\n').map((part) => part.split('\n').map((line) => line.split('\t')[0] ?? ''))
}

/** What zsh offers behind a tabulator on a terminal of its own: each word that is added is noted. The script lies in a folder of fpath, as packages put it there. */
async function byZsh(asked: readonly string[]): Promise<readonly (readonly string[])[]> {
  const inner = `PROMPT= fpath=($PWD $fpath)
autoload -Uz compinit; compinit -u -D
compadd() { local -a hits; builtin compadd -O hits "$@"; (( $#hits )) && print -rl -- $hits >> hits; builtin compadd "$@" }
ended() { print >> hits; print >> ends; comppostfuncs=(ended) }; comppostfuncs=(ended)`
  await writeFile(join(folder, 'inner.zsh'), inner)
  const driver = `zmodload zsh/zpty zsh/zselect; : > hits; : > ends
zpty -b z zsh -f -i
zpty -w z 'source inner.zsh; print >> ends'
waiting() { for i in {1..500}; do zpty -r -t z got; (( $(wc -l < ends) >= $1 )) && return; zselect -t 2; done }
waiting 1; n=1
for line in "$@"; do zpty -w -n z $'\\x15'"$line"$'\\t'; waiting $((++n)); done
zpty -d z`
  await promisify(execFile)('zsh', ['-f', '-c', driver, 'driver', ...asked], { cwd: folder })
  return (await readFile(join(folder, 'hits'), 'utf8')).split('\n\n').map((part) => part.split('\n'))
}

/** What bash makes of a line behind two tabulators on a terminal of its own: the line, or the list under it. */
async function byBash(asked: readonly string[]): Promise<readonly (readonly string[])[]> {
  const child = spawn('script', ['-qfc', 'bash --norc --noprofile -i', '/dev/null'], {
    cwd: folder,
    env: { ...process.env, TERM: 'dumb', PS1: '' },
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  const until = async (mark: string): Promise<string> => {
    for (let tries = 0; tries < 500 && !out.includes(mark); tries++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    const [before = ''] = out.split(mark)
    out = out.slice(before.length + mark.length)
    return before
  }
  child.stdin.write(
    `source lorica.bash; bind 'set enable-bracketed-paste off'; bind -x '"\\C-t": echo "$READLINE_LINE <""end>"'; echo "<""end>"\n`,
  )
  await until('<end>')
  const offers: string[][] = []
  for (const line of asked) {
    child.stdin.write(`\u0015${line}\t\t\u0014`)
    offers.push((await until('<end>')).split(/[\s=]+/))
  }
  child.kill()
  return offers
}
