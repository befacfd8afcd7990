/**
 * How busy other programs keep a machine: its whole load less that of this process and its children.
 * @module
 */
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { printedBy } from './tool.js'

/** Processor time so far, in ticks of the system. */
export interface Ticks {
  readonly total: number
  readonly idle: number
  readonly own: number
}

/** The ticks of all processors in the text of /proc/stat: busy or not, and idle alone. */
export function systemTicks(procStat: string): Omit<Ticks, 'own'> | undefined {
  const [, line] = /^cpu +(.+)$/m.exec(procStat) ?? []
  const [user, nice, system, idle, wait = 0, irq = 0, softIrq = 0, steal = 0] =
    line?.split(' ').map(Number) ?? []
  if (user === undefined || nice === undefined || system === undefined || idle === undefined) return undefined
  return { total: user + nice + system + idle + wait + irq + softIrq + steal, idle: idle + wait }
}

/** The ticks of a process in the text of its /proc/PID/stat; its name may hold anything, so the fields are counted from its end. */
export function processTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0) // utime and stime
}

/** The share of all threads that others kept busy between two moments, 0 to 1. */
export function othersShare(before: Ticks, after: Ticks): number | null {
  const total = after.total - before.total
  if (total <= 0) return null
  const busy = total - (after.idle - before.idle)
  return Math.min(1, Math.max(0, (busy - (after.own - before.own)) / total))
}

/** The share that others use, in the lines `PID PPID %CPU` of `ps`, where 100 is one thread. */
export function othersInPs(ps: string, own: number, threads: number): number | null {
  const rows = [...ps.matchAll(/^ *(\d+) +(\d+) +([\d.]+) *$/gm)].map(([, ...row]) => row.map(Number))
  if (rows.length === 0) return null
  const others = rows.filter(([pid, parent]) => pid !== own && parent !== own)
  return Math.min(1, others.reduce((sum, [, , percent = 0]) => sum + percent, 0) / 100 / threads)
}

/** The share of the GPU that others use, in the text of `nvidia-smi pmon -c 1 -s u`. */
export function othersInPmon(pmon: string, own: ReadonlySet<number>): number | null {
  const lines = pmon.split('\n').filter((line) => !line.startsWith('#') && line.trim() !== '')
  if (lines.length === 0) return null
  const byGpu = new Map<string, number>()
  for (const line of lines) {
    const [gpu = '', pid = '', , sm = '-'] = line.trim().split(/ +/)
    if (!/^\d+$/.test(sm) || own.has(Number(pid))) continue
    byGpu.set(gpu, (byGpu.get(gpu) ?? 0) + Number(sm) / 100)
  }
  return Math.min(1, Math.max(0, ...byGpu.values()))
}

/** Measures the load of others since it was asked before; null at first, and where the system does not tell. */
export function openLoad(platform: string): () => Promise<number | null> {
  let before: Ticks | undefined
  return async () => {
    if (platform === 'darwin') {
      const ps = await printedBy('ps', ['-A', '-o', 'pid=,ppid=,pcpu='])
      return othersInPs(ps, process.pid, availableParallelism())
    }
    if (platform !== 'linux') return null
    const after = await readTicks()
    const share = before === undefined || after === undefined ? null : othersShare(before, after)
    before = after
    return share
  }
}

/** Looks how busy others keep the GPUs; null without the tool of an NVIDIA driver. */
export async function readGpuLoad(): Promise<number | null> {
  const own = new Set([process.pid, ...(await childrenOf(process.pid))])
  return othersInPmon(await printedBy('nvidia-smi', ['pmon', '-c', '1', '-s', 'u']), own)
}

async function readTicks(): Promise<Ticks | undefined> {
  const system = systemTicks(await readFile('/proc/stat', 'utf8').catch(() => ''))
  if (system === undefined) return undefined
  const own = [process.pid, ...(await childrenOf(process.pid))]
  const stats = await Promise.all(own.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return { ...system, own: stats.reduce((sum, stat) => sum + (stat === '' ? 0 : processTicks(stat)), 0) }
}

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  return text.split(' ').filter(Boolean).map(Number)
}
