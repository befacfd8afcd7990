import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startChild } from './support/child.js'
import { createFolder } from './support/folder.js'
import { runLorica } from './support/lorica.js'
import { tryLorica } from './support/service.js'
import { writeToyModel } from './support/toy-model.js'

const lorica = fileURLToPath(new URL('../apps/cli/bin/lorica.js', import.meta.url))
const text = Array.from(
  { length: 40 },
  (_, at) => `The whale number ${at} swam ${'far '.repeat(at % 7)}away.`,
)

/** The arguments of a run of 30 steps on a toy model, which writes to OUT. */
async function commandIn(folder: string): Promise<(out: string, ...more: string[]) => readonly string[]> {
  const [model, data] = [join(folder, 'model'), join(folder, 'a.txt')]
  await mkdir(model)
  await writeToyModel(model)
  await writeFile(data, text.join('\n\n'))
  const fixed = ['--model', model, '--data', data, '--steps', '30', '--batch', '3', '--max-tokens', '16']
  return (out, ...more) => [
    'train',
    ...fixed,
    '--accumulate',
    '2',
    '--threads',
    '1',
    '--out',
    join(folder, out),
    ...more,
  ]
}

const weightsOf = (folder: string, out: string): Promise<Buffer> =>
  readFile(join(folder, out, 'adapter_model.safetensors'))

/** Runs a command until it has written its first checkpoint, and sends it a signal. */
async function interrupted(args: readonly string[], checkpoints: string, signal: NodeJS.Signals) {
  const child = startChild(process.execPath, [lorica, ...args])
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  child.stdout.resume()
  child.stderr.resume()
  const isThere = async (): Promise<boolean> =>
    (await readdir(checkpoints).catch(() => [])).some((name) => name.startsWith('step-'))
  await expect.poll(isThere, { timeout: 30_000, interval: 5 }).toBe(true)
  child.kill(signal)
  return await ended
}

test('training that was killed, or stopped by Ctrl-C, goes on to the same bytes', async () => {
  await using folder = await createFolder()
  const command = await commandIn(folder.path)
  const pulled = ['--proximal', '0.5'] // by where the run began, not by where it goes on
  const whole = await runLorica<{ losses: number[] }>(command('whole', ...pulled))
  for (const [out, signal] of [
    ['killed', 'SIGKILL'],
    ['stopped', 'SIGINT'],
  ] as const) {
    const args = command(out, '--checkpoint-every', '1', ...pulled)
    const status = await interrupted(args, join(folder.path, `${out}.checkpoints`), signal)
    expect(status).toBe(signal === 'SIGINT' ? 130 : null)
    expect(existsSync(join(folder.path, out))).toBe(false)
    const rest = await runLorica<{ losses: number[] }>([...args, '--resume'])
    expect(rest.losses).toEqual(whole.losses)
    expect(await weightsOf(folder.path, out)).toEqual(await weightsOf(folder.path, 'whole'))
  }
  expect((await readdir(folder.path)).filter((name) => name.endsWith('.checkpoints'))).toEqual([])
})

test('a run goes on only with the options that it began with', async () => {
  await using folder = await createFolder()
  const command = await commandIn(folder.path)
  const none = await tryLorica([...command('a'), '--resume'])
  expect([none.status, none.stderr]).toEqual([1, expect.stringContaining('has no checkpoint to go on from')])
  await interrupted(command('a', '--checkpoint-every', '1'), join(folder.path, 'a.checkpoints'), 'SIGKILL')
  const again = await tryLorica(command('a'))
  expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('Add --resume')])
  const other = await tryLorica([...command('a'), '--resume', '--seed', '9'])
  expect([other.status, other.stderr]).toEqual([1, expect.stringMatching(/another "seed"[\s\S]*received: 9/)])
})

test('training that diverges keeps the last good adapter and names the step and the tensor', async () => {
  await using folder = await createFolder()
  const command = await commandIn(folder.path)
  const log = join(folder.path, 'log.jsonl')
  const wild = ['--learning-rate', '1e30', '--schedule', 'constant', '--clip-norm', '0', '--log', log]
  const { status, stderr } = await tryLorica(command('a', ...wild))
  expect(status).toBe(1)
  expect(stderr).toMatch(/LRC-6011.*diverged at step \d+: (loss (NaN|Infinity)|.*gradient of ")/)
  const kept = /last good adapter is (\S+)/.exec(stderr)?.[1] ?? ''
  const step = Number(/step-0*(\d+)$/.exec(kept)?.[1])
  expect(await readdir(kept)).toContain('adapter_model.safetensors')
  expect((await readFile(log, 'utf8')).trim().split('\n')).toHaveLength(step)
  expect(existsSync(join(folder.path, 'a'))).toBe(false)
})
