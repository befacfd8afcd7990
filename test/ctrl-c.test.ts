import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { createFolder } from './support/folder.js'

const demo = fileURLToPath(new URL('../tools/dist/demo/main.js', import.meta.url))
const lorica = fileURLToPath(new URL('../apps/cli/dist/main.js', import.meta.url))
const isLinux = process.platform === 'linux'
if (!isLinux) console.warn('skipped: processes are found by their environment in /proc, which only Linux has')

const TRAINING = 12 // the demo, a coordinator and three agents, each behind a `lorica`, and three engines
const STARTING = 3
const START_MS = 90_000
const END_MS = 5_000

// Ctrl-C reaches every process of a terminal's group; a supervisor sends its signal to one process only.
test.skipIf(!isLinux).each([
  ['Ctrl-C in a terminal during training', 'SIGINT', 'group', TRAINING],
  ['SIGINT to the demo alone during training', 'SIGINT', 'process', TRAINING],
  ['SIGTERM to the demo alone while it starts', 'SIGTERM', 'process', STARTING],
] as const)('%s ends the demo and every process that it started', async (_, signal, target, processes) => {
  await using folder = await createFolder()
  const marker = `${folder.path}-marker`
  const env = { ...process.env, LORICA_TEST_MARKER: marker, TMPDIR: folder.path }
  const child = spawn(process.execPath, [demo], { detached: true, stdio: ['ignore', 'pipe', 'pipe'], env })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      printed += part.toString()
    })
  try {
    const deadlineMs = performance.now() + START_MS
    let most = 0 // some of them only ask the machine something, and end
    while (most < processes && performance.now() < deadlineMs) {
      most = Math.max(most, marked(marker).length)
      await pause(50)
    }
    expect(most, printed).toBeGreaterThanOrEqual(processes)
    const startMs = performance.now()
    process.kill(target === 'group' ? -(child.pid as number) : (child.pid as number), signal)
    const status = await Promise.race([ended, pause(END_MS).then(() => 'still running' as const)])
    expect(status).toBe(130)
    expect(performance.now() - startMs).toBeLessThan(END_MS)
    await pause(300)
    expect(marked(marker)).toEqual([])
    expect(printed).not.toMatch(/^\s+at .+:\d+|node:internal/m)
    expect(readdirSync(folder.path).filter((name) => name.startsWith('lorica-demo-'))).toEqual([])
  } finally {
    for (const { pid } of marked(marker)) process.kill(pid, 'SIGKILL')
  }
})

test.skipIf(!isLinux)(
  'one Ctrl-C in a terminal, which reaches a service twice, lets an agent and a coordinator stop in order',
  async () => {
    await using folder = await createFolder()
    writeFileSync(folder.at('text.txt'), 'One paragraph of text.\n\nAnd another one.\n')
    const coordinator = grouped(['coordinator', '--dir', folder.at('fleet'), '--port', '0', '--json'])
    const [, join = ''] = /"join":"([^"]+)"/.exec(await coordinator.until('"join"')) ?? []
    const agent = grouped([
      'agent',
      'join',
      join,
      '--dir',
      folder.at('agent'),
      '--data',
      folder.at('text.txt'),
    ])
    await agent.until('Connected to')
    for (const [service, last] of [
      [agent, 'Stopped.'],
      [coordinator, 'stopping'],
    ] as const) {
      process.kill(-service.pid, 'SIGINT')
      expect([await service.ended, service.printed()]).toEqual([0, expect.stringContaining(last)])
    }
  },
)

/** `lorica` in a process group of its own, as a shell starts it. */
function grouped(args: readonly string[]) {
  const child = spawn(process.execPath, [lorica, ...args], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (part: Buffer) => {
      printed += part.toString()
    })
  onTestFinished(() => void (child.exitCode ?? child.kill('SIGTERM')))
  const until = async (text: string): Promise<string> => {
    const deadlineMs = performance.now() + START_MS
    while (!printed.includes(text) && performance.now() < deadlineMs) await pause(20)
    return printed
  }
  return { pid: child.pid as number, ended, until, printed: () => printed }
}

interface Found {
  readonly pid: number
  readonly command: string
}

/** The processes that inherited the marker, in whatever group or session they are. */
function marked(marker: string): readonly Found[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(marker)) return []
        const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
        return [{ pid: Number(pid), command }]
      } catch {
        return [] // it has ended, or is another user's
      }
    })
}
