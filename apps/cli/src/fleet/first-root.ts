import { resolve } from 'node:path'
import { type SignedRoot, textOfRoot } from '@lorica/protocol'
import type { Command } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import { expectNewFile } from '../screen/place.js'
import { draftFirstRoot } from './draft-root.js'
import { writeNew } from './root-file.js'
import { rootLines } from './root-lines.js'
import { runService } from './service.js'

interface FirstOptions {
  readonly fleet: string
  readonly rootKey: readonly string[]
  readonly releaseKey: readonly string[]
  readonly threshold: number
  readonly days: number
  readonly out: string
}

/** `lorica trust prepare` and `first`: a coordinator whose root keys never were on its machine. */
export function firstRootCommands(trust: Command): void {
  trust
    .command('prepare')
    .description(
      'make the keys of a new coordinator whose first root is signed elsewhere, and print their public parts',
    )
    .option('--dir <folder>', 'the folder of the coordinator', 'lorica-coordinator')
    .option('--json', 'print one JSON document on stdout')
    .action(async ({ dir, json }: { readonly dir: string; readonly json?: boolean }) => {
      const words = ['trust', 'prepare', '--dir', dir, ...(json === true ? ['--json'] : [])]
      process.exitCode = await runService('@lorica/coordinator/main', words)
    })
  const first = trust
    .command('first')
    .description('write the first root of a prepared coordinator, unsigned')
    .requiredOption('--fleet <key>', 'the public key of the coordinator, as prepare printed it')
    .requiredOption('--release-key <key>', 'its release key, as prepare printed it', collect)
    .requiredOption('--root-key <key>', 'a public key that may sign roots; several times', collect)
    .option('--threshold <n>', 'root keys that have to sign', positiveInteger, 1)
    .option('--days <n>', 'how long it is valid', positiveInteger, 365)
    .requiredOption('--out <file>', 'a new file')
  runs(first, async (options: FirstOptions, output) => {
    const { fleet, rootKey: rootKeys, releaseKey: releaseKeys, threshold, days, out } = options
    expectNewFile(out)
    const root = draftFirstRoot({ fleet, rootKeys, releaseKeys, threshold, days }, Date.now())
    const signed: SignedRoot = { root: textOfRoot(root), signatures: [] }
    await writeNew(out, `${JSON.stringify(signed, null, 1)}\n`)
    output.result({ root, file: resolve(out) }, rootLines(signed, root, null))
  })
}
