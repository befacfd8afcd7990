import { spawnSync } from 'node:child_process'
import { Command, Option } from 'commander'
import { expect, test } from 'vitest'
import { commandTree } from './command-tree.js'
import { completionScript } from './completion.js'

function program(): Command {
  const lorica = new Command('lorica').description('fine-tunes')
  const run = lorica.command('run').description('conducts runs')
  run.command('start').requiredOption('-f, --file <file>', 'the run').option('--wait', 'until it ends')
  run.command('show <run>').description("what is known of somebody's run")
  lorica
    .command('train')
    .addOption(new Option('--device <device>', 'what computes').choices(['cpu', 'cuda', 'webgpu']))
    .option('--out <folder>', 'where to')
  return lorica
}

const tree = commandTree(program())

/** What a real bash offers behind a line. */
function offered(line: string): readonly string[] {
  const words = line.split(' ')
  const script = `${completionScript('bash', tree)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_lorica
printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-uc', script], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.split('\n').filter((word) => word !== '')
}

test.each([
  ['lorica ', ['run', 'train', '--help', '-h']],
  ['lorica r', ['run']],
  ['lorica run ', ['start', 'show', '--help', '-h']],
  ['lorica run start --w', ['--wait']],
  ['lorica run start -f a.yaml --', ['--file', '--wait', '--help']],
  ['lorica train --device ', ['cpu', 'cuda', 'webgpu']],
  ['lorica train --device c', ['cpu', 'cuda']],
  ['lorica train --out ', []], // files, which bash completes by itself
  ['lorica run train ', ['start', 'show', '--help', '-h']], // train is no command of run
])('bash offers behind "%s" %j', (line, expected) => {
  expect(offered(line)).toEqual(expected)
})

test('bash takes the script as it is sourced, and zsh and fish get every command and option too', () => {
  const sourced = spawnSync(
    'bash',
    ['--norc', '-euc', `${completionScript('bash', tree)}\ncomplete -p lorica`],
    {
      encoding: 'utf8',
    },
  )
  expect(sourced.stdout).toBe('complete -o default -F _lorica lorica\n')
  const zsh = completionScript('zsh', tree)
  expect(zsh).toMatch(/^#compdef lorica\n/)
  expect(zsh).toContain("'lorica run start') words_='--file -f --wait --help -h' ;;")
  expect(zsh).toContain("'lorica train --device') values='cpu cuda webgpu'; isValue=1 ;;")
  const fish = completionScript('fish', tree)
  expect(fish).toContain("complete -c lorica -n '__lorica_at lorica run' -a start")
  expect(fish).toContain("-l device -r -f -a 'cpu cuda webgpu' -d 'what computes'")
  expect(fish).toContain("-d 'what is known of somebody'\\''s run'")
})
