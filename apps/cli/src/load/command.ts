import { Command } from 'commander'
import { positiveInteger, positiveNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes, count, duration } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { benchFleet, type FleetShape } from './bench-fleet.js'
import type { UploadsResult } from './uploads.js'

const notes = `
A real coordinator runs in a temporary folder; other processes hold the agents, which join, prove their keys and speak the protocol, but do not
train. Three parts, each with a coordinator of its own:
  connections  --agents agents connect and wait; what they add to the resident memory of the coordinator after it collected garbage
  rounds       4 agents answer at once: train, upload, check, fold, measure, sign, release
  uploads      one agent, then --uploads agents at once, send updates that are checked, flushed and journaled; in turns with a bare server, which
               is the WebSocket library alone in a process: it receives the same bytes in the same chunks and window from the same socket library,
               writes each to a file, answers it, and flushes the file at the end. It parses, hashes and checks nothing.
5,000 agents need 5,712 open files (\`ulimit -Hn\`) and as many local ports; the command says so when there are too few. Uploads write
2 x --uploads x --update-mb for each repetition, and half of it stays in the folder until the end.`

/** `lorica bench fleet`: what one coordinator on this machine holds. */
export function benchFleetCommand(): Command {
  const command = new Command('fleet')
    .description('load one coordinator with connections, rounds and uploads, beside a bare WebSocket server')
    .option('--agents <n>', 'connected agents', positiveInteger, 5000)
    .option('--uploads <n>', 'agents that upload at once', positiveInteger, 200)
    .option('--update-mb <n>', 'size of one update, in million bytes', positiveNumber, 8)
    .option('--hold <seconds>', 'how long they wait: two heartbeats of each in 30 s', positiveNumber, 30)
    .option('--rounds <n>', 'rounds to count', positiveInteger, 60)
    .option(
      '--repetitions <n>',
      'turns of the uploads at once; one agent alone gets three times as many',
      positiveInteger,
      5,
    )
    .option('--upload-budget-mb <n>', "the coordinator's setting of that name", positiveInteger)
    .option('--dir <folder>', 'where the temporary folder is made (default: that of the system)')
    .addHelpText('after', notes)
  runs(command, (options: FleetShape, output) => show(options, output))
  return command
}

async function show(shape: FleetShape, output: Output): Promise<void> {
  const result = await benchFleet(shape, (text) => output.progress(text))
  const { idle, rounds, load } = result
  const together = load.uploads.at(-1)!
  const document = {
    connections: idle.connections,
    bytesPerConnection: Math.round(idle.bytesPerConnection),
    roundsPerMinute: rounds.perMinute,
    uploadMBps: together.loricaMBps,
    bareMBps: together.bareMBps,
    uploadRatio: together.ratio,
    settings: shape,
    ...result,
  }
  output.result(document, [
    `${count(idle.connections)} agents connected, ${count(idle.connectionsPerSecond)} a second`,
    `${bytes(idle.bytesPerConnection)} of resident memory each (${bytes(idle.bytesPerConnectionUncollected)} before garbage was collected)`,
    `heartbeats of all: ${idle.cpuPercent.toFixed(1)} % of a core, ${idle.heartbeatMicroseconds.toFixed(0)} µs each`,
    `${count(rounds.perMinute)} rounds a minute of ${rounds.agents} agents, ${bytes(rounds.updateBytes)} each`,
    ...load.uploads.map(lineOf),
    `memory of the coordinator: ${bytes(load.memory.beforeBytes)} before ${together.agents} uploads at once, ${bytes(load.memory.peakBytes)} at most`,
    `processor time of receiving: ${load.cpuMsPerMB.lorica.toFixed(1)} ms/MB, bare ${load.cpuMsPerMB.bare.toFixed(1)} ms/MB; a round of ${together.agents} took ${duration(load.roundSeconds)} beyond its uploads`,
  ])
}

function lineOf({ agents, updateBytes, loricaMBps, bareMBps, ratio, repetitions }: UploadsResult): string {
  const ratios = repetitions.map(({ ratio: one }) => one.toFixed(2)).join(' ')
  return `${agents} x ${bytes(updateBytes)} at once: ${count(loricaMBps)} MB/s, bare WebSocket ${count(bareMBps)} MB/s: ratio ${ratio.toFixed(2)} (${ratios})`
}
