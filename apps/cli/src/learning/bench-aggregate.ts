import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, encodeSafetensors, measureFold, rawTensor } from '@lorica/peft-core'
import { Command } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { bytes } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { withCode } from './errors.js'

interface BenchAggregateOptions {
  readonly adapters: number
  readonly megabytes: number
  readonly rounds: number
  readonly python?: string
}

/** What NumPy is asked to do: the same weighted mean of the same files, in float64. Prints seconds, the best of the rounds. */
const NUMPY = `
import json, sys, time
import numpy as np
rounds, paths = int(sys.argv[1]), sys.argv[2:]
def fold():
    total = None
    for path in paths:
        with open(path, 'rb') as file:
            start = 8 + int.from_bytes(file.read(8), 'little')
        values = np.fromfile(path, dtype='<f4', offset=start).astype(np.float64)
        values *= 1 / len(paths)
        total = values if total is None else np.add(total, values, out=total)
    return total.astype(np.float32)
best = min((lambda t: (fold(), time.perf_counter() - t)[1])(time.perf_counter()) for _ in range(rounds))
print(json.dumps({'version': np.__version__, 'seconds': best}))
`

/** `lorica bench aggregate`: how fast adapters are folded, beside what only moves their bytes. */
export function benchAggregateCommand(): Command {
  const command = new Command('aggregate')
    .description(
      'average adapters of random numbers and compare with a bare copy of their bytes, and with NumPy',
    )
    .option('--adapters <n>', 'how many', positiveInteger, 16)
    .option('--megabytes <n>', 'size of each, in float32', positiveInteger, 16)
    .option('--rounds <n>', 'how often each thing is done; the best counts', positiveInteger, 20)
    .option('--python <path>', 'a Python with NumPy, to be measured in the same run')
  return runs(command, (options: BenchAggregateOptions, output) =>
    withCode('LRC-8003', () => bench(options, output)),
  )
}

async function bench(options: BenchAggregateOptions, output: Output): Promise<void> {
  const { adapters, megabytes, rounds, python } = options
  const folder = await mkdtemp(join(tmpdir(), 'lorica-fold-'))
  try {
    const paths: string[] = []
    for (let at = 0; at < adapters; at++) {
      output.progress(`writing adapter ${at + 1} of ${adapters}`)
      const path = join(folder, `${at}.safetensors`)
      await writeFile(path, adapterOf(megabytes, at))
      paths.push(path)
    }
    output.progress('folding')
    const { sizeBytes, copySeconds, addSeconds, readSeconds, foldSeconds } = await measureFold(paths, rounds)
    const speed = (seconds: number): number => sizeBytes / seconds / 1e9
    const numpy = python === undefined ? null : numpyOf(python, paths, rounds)
    const result = {
      adapters,
      sizeBytes,
      copyGBps: speed(copySeconds),
      addGBps: speed(addSeconds),
      readGBps: speed(readSeconds),
      foldGBps: speed(foldSeconds),
      addToCopy: copySeconds / addSeconds,
      foldToCopy: copySeconds / foldSeconds,
      foldToRead: readSeconds / foldSeconds,
      numpy: numpy && { ...numpy, foldGBps: speed(numpy.seconds), foldToNumpy: numpy.seconds / foldSeconds },
    }
    const line = (what: string, gbps: number): string =>
      `${what.padEnd(44)} ${gbps.toFixed(1).padStart(6)} GB/s`
    output.result(result, [
      `${adapters} adapters of ${megabytes} MB, ${bytes(sizeBytes)} together; the best of ${rounds} rounds`,
      line('a bare copy in memory', result.copyGBps),
      line('adding in memory, in float64', result.addGBps),
      line('reading the files, nothing else', result.readGBps),
      line('folding the files into their mean', result.foldGBps),
      ...(result.numpy === null
        ? []
        : [line(`NumPy ${result.numpy.version}, the same`, result.numpy.foldGBps)]),
      `adding to copying ${result.addToCopy.toFixed(2)}, folding to copying ${result.foldToCopy.toFixed(2)}, folding to reading ${result.foldToRead.toFixed(2)}`,
    ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Factors of rank 16 of modules of 4096 by 4096. */
function adapterOf(megabytes: number, seed: number): Uint8Array {
  const random = createRandom(seed, 'bench aggregate')
  const values = Float32Array.from({ length: 16 * 4096 }, () => random.uniform() - 0.5)
  const count = Math.ceil((megabytes * 1e6) / values.byteLength)
  return encodeSafetensors(
    new Map(
      Array.from({ length: count }, (_, at) => {
        const shape = at % 2 === 0 ? [16, 4096] : [4096, 16]
        const name = `base_model.model.layers.${at >> 1}.q_proj.lora_${at % 2 === 0 ? 'A' : 'B'}.weight`
        return [name, rawTensor({ shape, data: values })]
      }),
    ),
  )
}

function numpyOf(
  python: string,
  paths: readonly string[],
  rounds: number,
): { readonly version: string; readonly seconds: number } {
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', NUMPY, String(rounds), ...paths], {
    encoding: 'utf8',
  })
  if (status === 0) return JSON.parse(stdout) as { version: string; seconds: number }
  throw new RangeError(
    `${python} expected to run NumPy, got ${error?.message ?? stderr.trim().split('\n').at(-1)}`,
  )
}
