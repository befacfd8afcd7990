/**
 * The same training step by Lorica and by PyTorch + PEFT, in turns on the same machine:
 *
 *     npm run bench [-- --rounds 3] [-- any option of `lorica bench train`, such as --shape qwen2-0.5b]
 *
 * Needs a Python with torch, transformers and peft, and with --private opacus: LORICA_PYTHON, or python3. Prints both side by side, and with --json one
 * document. Turns make the ratio hold when the machine's speed drifts; the medians are quoted.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const python = process.env.LORICA_PYTHON ?? 'python3'
const args = process.argv.slice(2)
const json = args.includes('--json')
const at = args.indexOf('--rounds')
const rounds = at === -1 ? 3 : Number(args[at + 1])
const shape = args.filter(
  (arg, index) => arg !== '--json' && (at === -1 || (index !== at && index !== at + 1)),
)

function run(command, given) {
  const { status, stdout, stderr } = spawnSync(command, given, { encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (status !== 0) throw new Error(`${command} ${given.join(' ')} ended with ${status}: ${stderr || stdout}`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]

const lorica = []
const pytorch = []
for (let round = 1; round <= rounds; round++) {
  process.stderr.write(`round ${round} of ${rounds}: lorica …\n`)
  lorica.push(
    run(process.execPath, [here('../../apps/cli/bin/lorica.js'), 'bench', 'train', '--json', ...shape]),
  )
  process.stderr.write(`round ${round} of ${rounds}: PyTorch + PEFT …\n`)
  pytorch.push(run(python, [here('pytorch-peft.py'), JSON.stringify(lorica.at(-1).settings)]))
}

const middle = (runs, key) => median(runs.map((of) => of[key]))
const result = {
  settings: lorica[0].settings,
  lorica: {
    tokensPerSecond: middle(lorica, 'tokensPerSecond'),
    stepMs: middle(lorica, 'stepMs'),
    peakRssMB: middle(lorica, 'peakRssMB'),
    gflops: middle(lorica, 'gflops'),
    gemmGflops: middle(lorica, 'gemmGflops'),
    ratio: middle(lorica, 'ratio'),
  },
  pytorch: {
    tokensPerSecond: middle(pytorch, 'tokensPerSecond'),
    stepMs: middle(pytorch, 'stepMs'),
    peakRssMB: middle(pytorch, 'peakRssMB'),
    device: pytorch[0].device,
    torch: pytorch[0].torch,
    peft: pytorch[0].peft,
    ...(pytorch[0].opacus === undefined ? {} : { opacus: pytorch[0].opacus }),
  },
  speedup: median(lorica.map((of, index) => of.tokensPerSecond / pytorch[index].tokensPerSecond)),
  memoryRatio: median(lorica.map((of, index) => of.peakRssMB / pytorch[index].peakRssMB)),
  rounds,
}

if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
else {
  const row = (name, { tokensPerSecond, stepMs, peakRssMB }) =>
    `${name.padEnd(24)}${tokensPerSecond.toFixed(0).padStart(10)} tokens/s${stepMs.toFixed(0).padStart(8)} ms a step${peakRssMB.toFixed(0).padStart(8)} MB peak\n`
  process.stdout.write(
    row('lorica', result.lorica) +
      row(`PyTorch + PEFT${result.pytorch.opacus === undefined ? '' : ' + Opacus'}`, result.pytorch),
  )
  process.stdout.write(
    `lorica is ${result.speedup.toFixed(2)} times as fast, with ${(100 * result.memoryRatio).toFixed(0)} % of the memory; ${(100 * result.lorica.ratio).toFixed(0)} % of the bare matrix products' speed\n`,
  )
}
