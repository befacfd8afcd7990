import { type DeviceReport, devices, probeDevice } from '@lorica/peft-core'
import { Command } from 'commander'
import { runs } from '../screen/command.js'
import { bytes } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { type Computer, inspectComputer } from './computer.js'

/** Long enough for a GPU's driver to compile its first kernels. */
const DEADLINE_MS = 15_000

/** `lorica doctor`: what this machine can use, and why not the rest. */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('say what this machine can train with, and why not with the rest')
    .addHelpText('after', '\nExit status: 0 when the processor can be used, 1 when nothing can.')
  return runs(command, async (_: unknown, output) => examine(output))
}

async function examine(output: Output): Promise<void> {
  output.progress('trying each runtime on each device …')
  const [computer, reports] = await Promise.all([inspectComputer(), probeAll()])
  if (!reports.some(({ usable }) => usable)) process.exitCode = 1
  output.result({ ...computer, runtimes: reports }, [
    ...computerLines(computer),
    '',
    ...reports.flatMap(reportLines),
  ])
}

/** Each runtime on each device that it knows; three at a time, each in a process of its own. */
async function probeAll(): Promise<readonly DeviceReport[]> {
  const choices = [
    ...devices.map((device) => ({ runtime: 'ort', device }) as const),
    ...(['cpu', 'cuda'] as const).map((device) => ({ runtime: 'tfjs', device }) as const),
  ]
  const reports: DeviceReport[] = []
  for (let at = 0; at < choices.length; at += 3) {
    const group = choices.slice(at, at + 3)
    reports.push(...(await Promise.all(group.map((choice) => probeDevice(choice, DEADLINE_MS)))))
  }
  return reports
}

function computerLines({
  platform,
  node,
  nodeWarning,
  processor,
  memory,
  disk,
}: Computer): readonly string[] {
  const { name, threads, instructions } = processor
  return [
    `system     ${platform}, Node ${node}${nodeWarning === undefined ? '' : ` (${nodeWarning})`}`,
    `processor  ${name}, ${threads} threads${instructions.length === 0 ? '' : `, ${instructions.join(' ')}`}`,
    `memory     ${bytes(memory.freeBytes)} free of ${bytes(memory.totalBytes)}`,
    ...(disk === null ? [] : [`disk       ${bytes(disk.freeBytes)} free at ${disk.path}`]),
  ]
}

function reportLines({
  runtime,
  device,
  usable,
  facts,
  reason = '',
  advice,
}: DeviceReport): readonly string[] {
  const title = `--runtime ${runtime} --device ${device}`.padEnd(31)
  if (usable) return [`yes  ${title} ${facts?.library ?? ''}`]
  return [
    `no   ${title} ${reason.trim()}`,
    ...(advice === undefined ? [] : [`     ${' '.repeat(31)} ${advice}`]),
  ]
}
