import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { hashModel } from '@lorica/peft-core'
import { createIdentity, fingerprintOf, type RunView } from '@lorica/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeBadFiles } from './support/bad-files.js'
import { type Fleet, siteText, startFleet } from './support/fleet.js'
import { createFolder, type Folder } from './support/folder.js'
import { type Ended, tryLorica } from './support/service.js'
import { writeToyModel } from './support/toy-model.js'

let folder: Folder
let fleet: Fleet
let given: readonly string[]
beforeAll(async () => {
  folder = await createFolder()
  fleet = await startFleet({ folder: folder.at('fleet'), texts: [siteText(0), siteText(1)] })
  await writeBadFiles(folder.path)
  given = await readdir(folder.path)
})
afterAll(async () => {
  await fleet[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

// What is wrong | what is typed | the code of the error | the file or field that its message names.
// F/ is the folder of the test, TRAIN, GRAD and START are complete commands but for what follows, OPERATOR is --url and --token.

const refused = casesOf(`
a missing model | train --model F/nowhere --data F/text.txt --out F/out | LRC-7001 | nowhere
a model folder without config.json | train --model F/no-config --data F/text.txt --out F/out | LRC-7001 | config.json
a config.json that is not JSON | train --model F/bad-config --data F/text.txt --out F/out | LRC-7001 | config.json
truncated weights | train --model F/truncated --data F/text.txt --out F/out | LRC-7001 | model.safetensors
a pickle instead of safetensors | train --model F/pickle --data F/text.txt --out F/out | LRC-7001 | pytorch_model.bin
a pickle called model.safetensors | train --model F/disguised --data F/text.txt --out F/out | LRC-7001 | model.safetensors
an unsupported model_type | train --model F/mamba --data F/text.txt --out F/out | LRC-7001 | mamba
a model without its tokenizer | train --model F/mute --data F/text.txt --out F/out | LRC-7005 | tokenizer.json
a missing data file | train --model F/toy --data F/nothing.txt --out F/out | LRC-6001 | nothing.txt
an empty data file | train --model F/toy --data F/empty.txt --out F/out | LRC-6001 | empty.txt
a binary data file | train --model F/toy --data F/binary.txt --out F/out | LRC-6001 | binary.txt
a folder as a data file | train --model F/toy --data F/toy --out F/out | LRC-6001 | toy
a .jsonl line without text | train --model F/toy --data F/lines.jsonl --out F/out | LRC-6001 | lines.jsonl:2
a target that no module has | TRAIN --targets nose_proj --out F/out | LRC-7001 | nose_proj
a layer that no model has | TRAIN --layers 7 --out F/out | LRC-7001 | layers_to_transform 7
rows that are longer than the model knows | TRAIN --max-tokens 100000 --out F/out | LRC-7002 | --max-tokens
a missing adapter | TRAIN --adapter F/none --out F/out | LRC-7003 | none
an adapter of another shape | TRAIN --adapter F/narrow --out F/out | LRC-7004 | q_proj
an adapter that is cut off | TRAIN --adapter F/cut --out F/out | LRC-7003 | cut
a batch file without labels | GRAD --batch F/unlabelled.safetensors --out F/out | LRC-6001 | labels
a missing batch file | GRAD --batch F/no.safetensors --out F/out | LRC-6001 | no.safetensors
a loss that is no number | grad --model F/toy --adapter F/infinite --batch F/labelled.safetensors --out F/out | LRC-6011 | NaN
a --log in no folder | TRAIN --log F/none/log.jsonl --out F/out | LRC-8003 | log.jsonl
an --out below a file | TRAIN --out F/text.txt/deeper | LRC-8003 | text.txt
gradients in no folder | GRAD --batch F/unlabelled.safetensors --out F/none/out | LRC-8003 | none
an --out that exists | train --model F/toy --data F/text.txt --out F/adapter | LRC-8003 | adapter
eval of a missing adapter | eval --model F/toy --data F/text.txt --adapter F/none | LRC-7003 | none
inspect of a missing model | inspect F/nowhere | LRC-7001 | nowhere
a run file with an unknown field | START -f F/unknown.yaml | LRC-3001 | stepps
a run file with a wrong type | START -f F/type.yaml | LRC-3001 | local.steps
a run file with an unavailable option | START -f F/dora.yaml | LRC-3002 | peft.method
a run file that is not YAML | START -f F/broken.yaml | LRC-3001 | broken.yaml
a missing run file | START -f F/no.yaml | LRC-8003 | no.yaml
a run of a missing model | START -f F/nowhere.yaml | LRC-3003 | nowhere
a run of a pickle | START -f F/pickle.yaml | LRC-3003 | pickle
an unknown run | run show nine OPERATOR | LRC-3004 | nine
an unknown release | releases export v9 --out F/out OPERATOR | LRC-3007 | v9
a wrong operator token | agents list --url URL --token wrong | LRC-2007 | token
a coordinator that is not there | agents list --url http://127.0.0.1:9 --token t | LRC-8002 | http://127.0.0.1:9
an unknown error code | explain LRC-1 | LRC-8005 | LRC-1
`)

describe.concurrent('a command that cannot do its work', () => {
  test.each(refused)('names $title in one error', async ({ title, words, code, names }) => {
    const out = `F/out-${title.replaceAll(/\W/g, '-')}`
    const ended = await lorica(words.replace('F/out', out))
    expect(errorOf(ended)).toEqual([code, expect.stringContaining(names)])
    expect(ended.status).toBe(1)
    expectNoStack(ended)
    expect(existsSync(folder.at(out.slice(2)))).toBe(false)
  })
})

const wrongLines = casesOf(`
a missing option | train --model F/toy | LRC-8001 | --data
a value out of range | TRAIN --rank 0 --out F/out | LRC-8001 | --rank
a layer that is no number | TRAIN --layers 1,top --out F/out | LRC-8001 | top
an unknown option | TRAIN --lr 3 --out F/out | LRC-8001 | --lr
an unknown command | tarin | LRC-8001 | tarin
an unknown subcommand | run strat | LRC-8001 | strat
an address that is none | agents list --url nowhere --token t | LRC-8001 | nowhere
no coordinator to talk to | agents list | LRC-8001 | coordinator
`)

describe.concurrent('a command line that is wrong', () => {
  test.each(wrongLines)('names $title in one error', async ({ words, code, names }) => {
    const ended = await lorica(words)
    expect(errorOf(ended)).toEqual([code, expect.stringContaining(names)])
    expect(ended.status).toBe(2)
    expectNoStack(ended)
  })
})

const agents = casesOf(`
a link with a wrong token | agent join WRONG-TOKEN --data F/text.txt | LRC-2002 | token
a link with a wrong fingerprint | agent join WRONG-KEY --data F/text.txt | LRC-2004 | key
a link that is cut off | agent join URL#abc --data F/text.txt | LRC-2001 | join link
a coordinator that is not there | agent join AWAY --data F/text.txt | LRC-8002 | http://127.0.0.1:9
a missing data file | agent join LINK --data F/nothing.txt | LRC-6001 | nothing.txt
an empty data file | agent join LINK --data F/empty.txt | LRC-6001 | empty.txt
a binary data file | agent join LINK --data F/binary.txt | LRC-6001 | binary.txt
a base without config.json | agent join LINK --data F/text.txt --base F/no-config | LRC-3003 | no-config
a folder that never joined | agent start | LRC-8001 | unborn
`)

describe.concurrent('an agent that cannot begin', () => {
  test.each(agents)('names $title in one line', async ({ title, words, code, names }) => {
    const dir = folder.at(`unborn-${title.replaceAll(' ', '-')}`)
    const ended = await lorica(`${words} --dir ${dir}`)
    const line = JSON.parse(ended.stdout) as Readonly<Record<string, string>>
    expect(line).toMatchObject({ event: 'failed', code, message: expect.stringContaining(names) })
    expect(ended.status).toBe(exitStatusOfAgent[code])
    expectNoStack(ended)
    expect(existsSync(dir)).toBe(false)
  })
})

/** As the agent's README says. */
const exitStatusOfAgent: Readonly<Record<string, number>> = {
  'LRC-8001': 2,
  'LRC-6001': 3,
  'LRC-3003': 3,
  'LRC-2001': 4,
  'LRC-2002': 4,
  'LRC-2004': 4,
  'LRC-8002': 5,
}

test('no command that failed left anything behind', async () => {
  expect(await readdir(folder.path)).toEqual(given)
})

test('a coordinator that cannot begin says why in one error', async () => {
  const taken = await lorica(`coordinator --dir ${fleet.folders.coordinator} --port 0`)
  expect(errorOf(taken)[0]).toBe('LRC-5003')
  const { port } = new URL(fleet.url)
  const busy = await lorica(`coordinator --dir F/second --port ${port}`)
  expect(errorOf(busy)[1]).toContain(port)
  const wrong = await lorica('coordinator --dir F/third --port 70000')
  expect(errorOf(wrong)).toEqual(['LRC-8001', expect.stringContaining('--port')])
  expect([taken, busy, wrong].map(({ status }) => status)).toEqual([1, 1, 2])
  for (const ended of [taken, busy, wrong]) expectNoStack(ended)
})

test('an agent that was given another base ends with the reason, and the run waits', async () => {
  const other = await writeToyModel(folder.at('other'), 8)
  expect((await hashModel(other)).sha256).not.toBe((await hashModel(fleet.model)).sha256)
  await fleet.restartAgent(1, ['--base', other])
  const run = await fleet.start({ rounds: 1 })
  const agent = await fleet.agents[1]?.ended
  expect(agent?.status).toBe(3)
  expect(agent?.stdout).toContain('"event":"declined"')
  expect(agent?.stdout).toContain(`${other} is not the base of this run`)
  const { state, reason } = await fleet.operate<RunView>('run', 'show', run)
  expect([state, reason]).toEqual(['waiting', expect.stringContaining('needs 2 agents, 1 connected')])
  expect(await fleet.operate<RunView>('run', 'cancel', run)).toMatchObject({ state: 'cancelled' })
})

/** `lorica WORDS --json` with the names of the table filled in. */
function lorica(words: string): Promise<Ended> {
  const { url, adminToken, join: link } = fleet
  const token = link.slice(link.indexOf('#') + 1)
  const [secret, fingerprint] = token.split('.') as [string, string]
  const otherSecret = `${secret.slice(1)}A`
  const otherKey = fingerprintOf(createIdentity().publicKey)
  const names: Readonly<Record<string, string>> = {
    TRAIN: 'train --model F/toy --data F/text.txt --steps 2',
    GRAD: 'grad --model F/toy --adapter F/adapter',
    START: 'run start OPERATOR',
    OPERATOR: `--url ${url} --token ${adminToken}`,
    URL: url,
    LINK: link,
    'WRONG-TOKEN': `${url}#${otherSecret}.${fingerprint}`,
    'WRONG-KEY': `${url}#${secret}.${otherKey}`,
    AWAY: `http://127.0.0.1:9#${token}`,
  }
  const filled = (text: string): string =>
    text.replaceAll(/\b[A-Z]{3,}(?:-[A-Z]+)?\b(?!-)/g, (name) =>
      names[name] === undefined ? name : filled(names[name]),
    )
  const args = filled(words).replaceAll('F/', `${folder.path}/`).split(' ')
  return tryLorica([...args, '--json'])
}

/** Code and message of the one document that a failed command prints. */
function errorOf({ stdout }: Ended): readonly [code: string, message: string] {
  const { error } = JSON.parse(stdout) as {
    readonly error: { readonly code: string; readonly message: string }
  }
  return [error.code, error.message]
}

function expectNoStack({ stdout, stderr }: Ended): void {
  expect(stdout + stderr).not.toMatch(/^\s+at .+:\d+|node:internal|\bTypeError\b/m)
}

interface Case {
  readonly title: string
  readonly words: string
  readonly code: string
  readonly names: string
}

function casesOf(table: string): readonly Case[] {
  return table
    .trim()
    .split('\n')
    .map((row) => {
      const [title = '', words = '', code = '', names = ''] = row.split(' | ')
      return { title, words, code, names }
    })
}
