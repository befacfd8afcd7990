import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { heldOutLoss, inPairs, type Losses, trainAlone, trainPooled } from './compare.js'
import { startFederation, startRun, writeRunFile } from './federation.js'
import { runLorica, stopAll } from './processes.js'
import { parseRecipe, type Recipe, usage } from './recipe.js'
import { createScreen, type Screen, seconds } from './screen.js'
import { createSites, type Site } from './sites.js'
import { sampleLines, tableLines } from './story.js'
import { watchRun } from './watch.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const model = join(root, 'models', 'moby-dick')

async function demo(recipe: Recipe, folder: string, screen: Screen): Promise<void> {
  const startedMs = performance.now()
  const sites = createSites(recipe.agents, recipe.seed)
  const files = await writeTexts(folder, sites)
  screen.line(`Lorica: ${recipe.agents} sites fine-tune one model together; their texts stay where they are.`)
  for (const { name, presidents, years, text } of sites) {
    screen.line(
      `  ${name}  ${years[0]}-${years[1]}  ${Math.round(text.length / 1000)} kB  ${presidents.join(', ')}`,
    )
  }
  screen.line()
  screen.line('The federation: a coordinator and its agents, each a process of its own')
  const federation = await startFederation(folder, files)
  const run = await startRun(federation, await writeRunFile(folder, model, recipe))
  const view = await watchRun(federation, run, recipe, screen)
  if (view.state !== 'succeeded' || view.release === null)
    throw new Error(`the run ${view.state}: ${view.reason ?? 'no reason given'}`)
  const adapter = await exportAdapter(federation, view.release, recipe)
  await stopAll()

  const losses = await compare({ folder, files, adapter, recipe, screen })
  const rounds = view.rounds.map(
    ({
      round,
      contributions,
      bytesUp,
      bytesDown,
      seconds,
      trainSeconds,
      evaluateSeconds,
      overheadSeconds,
      loss,
      release,
    }) => ({
      round,
      contributions: contributions.length,
      bytesUp,
      bytesDown,
      seconds,
      trainSeconds,
      evaluateSeconds,
      overheadSeconds,
      loss,
      release,
    }),
  )
  const samples = await sampleLines(model, adapter)
  const totalSeconds = (performance.now() - startedMs) / 1000
  screen.line()
  for (const line of tableLines(losses, recipe)) screen.line(line)
  screen.line()
  for (const line of samples) screen.line(line)
  screen.line()
  const shown = relative(process.cwd(), adapter)
  screen.line(`The adapter (${view.release}, signed; a Hugging Face PEFT folder): ${shown}`)
  screen.line(
    `Use it: npx lorica generate --model ${relative(process.cwd(), model)} --adapter ${shown} --prompt "The American people"`,
  )
  if (recipe.keep !== undefined) screen.line(`Everything else is in ${folder}`)
  screen.line(`Done in ${seconds(totalSeconds)}.`)
  if (!recipe.json) return
  const document = {
    baseLoss: losses.base,
    aloneLoss: losses.alone,
    federatedLoss: losses.federated,
    pooledLoss: losses.pooled,
    rounds,
    adapter,
    release: view.release,
    seconds: totalSeconds,
  }
  process.stdout.write(`${JSON.stringify(document)}\n`)
}

async function writeTexts(folder: string, sites: readonly Site[]): Promise<readonly string[]> {
  await mkdir(join(folder, 'texts'), { recursive: true })
  return await Promise.all(
    sites.map(async ({ name, text }) => {
      const file = join(folder, 'texts', `${name}.txt`)
      await writeFile(file, text)
      return file
    }),
  )
}

/** The last release as a PEFT folder: in --keep DIR, or in a new folder under .lorica. */
async function exportAdapter(
  { url, adminToken }: { url: string; adminToken: string },
  release: string,
  recipe: Recipe,
): Promise<string> {
  const parent = recipe.keep === undefined ? join(root, '.lorica') : resolve(recipe.keep)
  await mkdir(parent, { recursive: true })
  const out = join(parent, 'demo-adapter')
  await rm(out, { recursive: true, force: true })
  await runLorica(['releases', 'export', release, '--out', out, '--url', url, '--token', adminToken])
  return out
}

interface Comparison {
  readonly folder: string
  readonly files: readonly string[]
  readonly adapter: string
  readonly recipe: Recipe
  readonly screen: Screen
}

async function compare({ folder, files, adapter, recipe, screen }: Comparison): Promise<Losses> {
  screen.line()
  screen.line('What it is worth')
  screen.live([`  each site alone: ${recipe.rounds * recipe.steps} steps, two at a time …`])
  const alone = await trainAlone(folder, model, files, recipe)
  screen.live(['  all texts in one place, without privacy …'])
  const pooled = await trainPooled(folder, model, files, recipe)
  screen.live(['  measuring all of them on the same held-out text …'])
  const adapters = [undefined, adapter, pooled, ...alone]
  const [base, federated, together, ...each] = await inPairs(adapters, (of) =>
    heldOutLoss(model, of, files, recipe),
  )
  return { base: base as number, alone: each, federated: federated as number, pooled: together as number }
}

async function main(): Promise<void> {
  const recipe = parseRecipe(process.argv.slice(2))
  if (recipe === 'help') {
    process.stdout.write(`${usage}\n`)
    return
  }
  if (recipe.keep !== undefined && existsSync(recipe.keep)) {
    throw new RangeError(`--keep expected a folder that does not exist yet; "${recipe.keep}" does`)
  }
  const folder =
    recipe.keep === undefined ? await mkdtemp(join(tmpdir(), 'lorica-demo-')) : resolve(recipe.keep)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void stopAll()
        .then(() => cleared(folder, recipe))
        .finally(() => process.exit(130))
    })
  }
  try {
    await demo(recipe, folder, createScreen(recipe.json))
  } finally {
    await stopAll()
    await cleared(folder, recipe)
  }
}

async function cleared(folder: string, { keep }: Recipe): Promise<void> {
  if (keep === undefined) await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

await main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
