/**
 * What a promise to each example costs the demo's federation: a table of epsilon and loss for each strategy.
 *
 *     npm run bench:privacy [-- any option of `lorica bench private-examples`, such as --epsilons 8 --strategies ffa]
 *
 * Writes the demo's private texts into a folder that passes, one file each site, and trains `models/moby-dick` on them. `--seed`
 * also divides the texts otherwise among the sites.
 * @module
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createSites } from '../dist/demo/sites.js'

const SITES = 3
const given = process.argv.slice(2)
const seed = given.includes('--seed') ? Number(given[given.indexOf('--seed') + 1]) : 1
const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'lorica-privacy-'))
try {
  const data = createSites(SITES, seed).flatMap(({ name, text }) => {
    const file = join(folder, `${name}.txt`)
    writeFileSync(file, text)
    return ['--data', file]
  })
  const options = ['--model', here('../../models/moby-dick'), ...data, ...given]
  const lorica = here('../../apps/cli/bin/lorica.js')
  const { status } = spawnSync(process.execPath, [lorica, 'bench', 'private-examples', ...options], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
