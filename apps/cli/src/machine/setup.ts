import { spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { probeDevice, tfjsFolder } from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { Command, Option } from 'commander'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'

const TFJS_VERSION = '4.22.0'
const KEPT_OUTPUT = 4000
const DEADLINE_MS = 60_000

const routes = `
The packages bring no native library; npm's install script downloads one. There are three routes:
  1. Online: run this command. It downloads from storage.googleapis.com.
  2. From a mirror: set TFJS_NODE_BASE_URI (the library) and TFJS_NODE_CDN_STORAGE (the binding) first.
  3. Against a TensorFlow that is here already: npm install --ignore-scripts in the folder; in
     node_modules/@tensorflow/tfjs-node put its headers into deps/include and its libtensorflow_cc.so.2 and
     libtensorflow_framework.so.2 into deps/lib, with links libtensorflow.so and libtensorflow_framework.so;
     there run \`npx node-pre-gyp install --build-from-source\`.
The library of the GPU package is built for CUDA 11.2 and cuDNN 8.1.
--runtime ort needs none of this: --device webgpu and cuda use GPUs without TensorFlow.js.`

interface SetupOptions {
  readonly dir?: string
  readonly package: 'tfjs-node-gpu' | 'tfjs-node'
}

/** `lorica setup`: installs native parts that are not in the packages, on request only. */
export function setupCommand(): Command {
  const setup = new Command('setup').description(
    'install parts that download native libraries, on request only',
  )
  const tfjs = setup
    .command('tfjs-gpu')
    .description('TensorFlow.js with its native library, for --runtime tfjs')
    .option('--dir <folder>', 'where to; LORICA_TFJS has to name it when it is not ~/.lorica/tfjs')
    .addOption(
      new Option('--package <name>', 'for an NVIDIA GPU, or for the processor')
        .choices(['tfjs-node-gpu', 'tfjs-node'])
        .default('tfjs-node-gpu'),
    )
    .addHelpText('after', routes)
  runs(tfjs, (options: SetupOptions, output) => setUpTfjs(options, output))
  const cuda = setup
    .command('cuda')
    .description("onnxruntime's CUDA 12 part, for --device cuda (Linux x64)")
    .addHelpText(
      'after',
      '\nDownloads from api.nuget.org. The machine needs an NVIDIA driver, CUDA 12 and cuDNN 9.',
    )
  runs(cuda, (_: unknown, output) => setUpCuda(output))
  return setup
}

async function setUpTfjs({ dir, package: name }: SetupOptions, output: Output): Promise<void> {
  const folder = resolve(dir ?? tfjsFolder())
  const title = `@tensorflow/${name}@${TFJS_VERSION}`
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n', { flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error
  })
  output.progress(`installing ${title} in ${folder} …`)
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const install = ['install', title, '--ignore-scripts=false', '--no-fund', '--no-audit']
  const { code, text } = await run({ command: npm, args: install, folder })
  if (code !== 0) {
    throw new LoricaError('LRC-6013', `npm could not install ${title}: ${lastLine(text)}`, {
      expected: 'a download of its native library',
      action: routes.trim(),
    })
  }
  process.env.LORICA_TFJS = folder
  const device = name === 'tfjs-node-gpu' ? 'cuda' : 'cpu'
  await expectUsable({ runtime: 'tfjs', device }, { title, folder }, output)
}

async function setUpCuda(output: Output): Promise<void> {
  const manifest = createRequire(import.meta.resolve('@lorica/peft-core')).resolve(
    'onnxruntime-node/package.json',
  )
  const folder = dirname(manifest)
  output.progress('downloading the CUDA part of onnxruntime …')
  const args = [join(folder, 'script', 'install.js'), '--onnxruntime-node-install=cuda12']
  const { code, text } = await run({ command: process.execPath, args, folder })
  if (code !== 0) {
    throw new LoricaError('LRC-6013', `the CUDA part of onnxruntime was not installed: ${lastLine(text)}`, {
      expected: 'a download from api.nuget.org',
      action:
        'Run it where api.nuget.org can be reached, and copy node_modules/onnxruntime-node/bin from there.',
    })
  }
  await expectUsable({ runtime: 'ort', device: 'cuda' }, { title: 'onnxruntime for CUDA 12', folder }, output)
}

interface Installed {
  readonly title: string
  readonly folder: string
}

/** Installed is not yet usable: a driver or a library may be missing. */
async function expectUsable(
  choice: Parameters<typeof probeDevice>[0],
  { title, folder }: Installed,
  output: Output,
): Promise<void> {
  const { usable, reason, facts } = await probeDevice(choice, DEADLINE_MS)
  const use = `--runtime ${choice.runtime} --device ${choice.device}`
  if (!usable) {
    throw new LoricaError(
      'LRC-6012',
      `${title} is installed in ${folder}, but ${use} does not work: ${reason}`,
    )
  }
  output.result({ installed: title, folder, engine: facts }, [
    `${title} is installed in ${folder}`,
    `use it: ${use}`,
  ])
}

interface Program {
  readonly command: string
  readonly args: readonly string[]
  readonly folder: string
}

/** Runs a program and keeps the end of what it printed. */
function run({
  command,
  args,
  folder,
}: Program): Promise<{ readonly code: number | null; readonly text: string }> {
  return new Promise((done) => {
    const shell = process.platform === 'win32' && command.endsWith('.cmd') // Node starts no .cmd without one
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], shell })
    let text = ''
    const keep = (part: Buffer): void => {
      text = (text + part.toString()).slice(-KEPT_OUTPUT)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => done({ code: null, text: error.message }))
    child.on('close', (code) => done({ code, text }))
  })
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/complete log|npm warn/.test(line))
  return (
    lines.find((line) => /ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|404/.test(line))?.trim() ??
    lines.at(-1)?.trim() ??
    ''
  )
}
