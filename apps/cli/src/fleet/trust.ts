import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { LoricaError, type SignedRoot, signRoot, type TrustView, textOfRoot } from '@lorica/protocol'
import { Command } from 'commander'
import { needed, positiveInteger } from '../screen/argument.js'
import { collect, runs } from '../screen/command.js'
import { agrees } from '../screen/consent.js'
import { expectNewFile } from '../screen/place.js'
import { type ApiOptions, createApi } from './api.js'
import { draftRoot, type RootChange } from './draft-root.js'
import { firstRootCommands } from './first-root.js'
import { rootsIn } from './fleet-trust.js'
import { takeOffline } from './offline.js'
import { createKey, readKey, readRoot, writeNew, writeRoot } from './root-file.js'
import { missingLines, placeLines, rootLines } from './root-lines.js'
import { withApi } from './run.js'

const WAY = `
A coordinator makes a root key and a release key when it starts for the first time. To keep the root key on a machine without a
network:  lorica trust offline --dir COORDINATOR --out STICK
To change who may sign: draft the next root there, sign it with as many root keys as it takes (on several machines, one after
the other), and publish it:
  lorica trust show --out root.json            the root in force, with its signatures
  lorica trust key --out new.json              a new key pair
  lorica trust draft root.json --out next.json --add-root KEY --remove-root KEY --threshold 2
  lorica trust sign next.json --key STICK/root-key-….json
  lorica trust publish next.json
To begin with root keys that never were on the machine of the coordinator, prepare it, sign its first root elsewhere, and start it with that:
  lorica trust prepare --dir COORDINATOR       there: makes its release key, prints the public parts
  lorica trust key --out root-1.json           elsewhere, for each root key
  lorica trust first --fleet F --release-key R --root-key A --root-key B --root-key C --threshold 2 --out root.json
  lorica trust sign root.json --key root-1.json
  lorica coordinator --dir COORDINATOR --root root.json
Only show without a FILE, publish and rotate talk to the coordinator.`

/** `lorica trust`: who may sign for the fleet. */
export function trustCommand(): Command {
  const trust = new Command('trust').description('who may sign releases: the root of the fleet, and its keys')
  trust.addHelpText('after', WAY)
  showCommand(trust)
  runs(
    trust
      .command('key')
      .description('make a key pair, for roots or for releases')
      .requiredOption('--out <file>', 'a new file, for its owner only'),
    async ({ out }: { readonly out: string }, output) => {
      const { publicKey } = await createKey(out)
      output.result({ key: publicKey, file: resolve(out) }, [publicKey])
    },
  )
  firstRootCommands(trust)
  draftCommand(trust)
  signCommand(trust)
  publishCommand(trust)
  rotateCommand(trust)
  runs(
    trust
      .command('offline')
      .description('move the root keys out of the folder of a coordinator, which may run meanwhile')
      .requiredOption('--dir <folder>', 'the folder of the coordinator')
      .requiredOption('--out <folder>', 'where they go: a medium that you take away'),
    async ({ dir, out }: { readonly dir: string; readonly out: string }, output) => {
      await mkdir(out, { recursive: true })
      const files = await takeOffline(dir, out)
      output.result({ files }, [
        ...files,
        'The coordinator signs releases as before. Its root has to be renewed before it expires: lorica trust draft.',
      ])
    },
  )
  return trust
}

function showCommand(trust: Command): void {
  const show = withApi(trust.command('show [file]'))
    .description('the root that is in force, or that in a file')
    .option('--out <file>', 'write it there, as the start of a draft')
  runs(show, async ({ out, ...options }: ApiOptions & { readonly out?: string }, output, [file]) => {
    if (out !== undefined) expectNewFile(out)
    if (file !== undefined) {
      const { signed, root } = await readRoot(file)
      if (out !== undefined) await writeRoot(out, signed)
      return output.result({ root, signatures: signed.signatures }, rootLines(signed, root, null))
    }
    const view = await createApi(options).get<TrustView>('/api/v1/trust')
    const [before = null] = rootsIn(view.roots).slice(-2, -1)
    const signed = view.roots.at(-1) as SignedRoot
    if (out !== undefined) await writeRoot(out, signed)
    output.result(view, [...rootLines(signed, view.root, before), '', ...placeLines(view)])
  })
}

interface DraftOptions {
  readonly out: string
  readonly addRoot?: readonly string[]
  readonly removeRoot?: readonly string[]
  readonly addRelease?: readonly string[]
  readonly removeRelease?: readonly string[]
  readonly revoke?: readonly string[]
  readonly threshold?: number
  readonly days: number
}

function draftCommand(trust: Command): void {
  const draft = trust
    .command('draft <root>')
    .description('write the root that is to follow one, unsigned')
    .requiredOption('--out <file>', 'a new file')
    .option('--add-root <key>', 'a public key that may sign roots', collect)
    .option('--remove-root <key>', 'one that no longer may', collect)
    .option('--add-release <key>', 'a public key that may sign releases', collect)
    .option(
      '--remove-release <key>',
      'one that no longer may; what it signed stays good where it is',
      collect,
    )
    .option('--revoke <key>', 'a key that somebody else may have: nothing that it signed is trusted', collect)
    .option('--threshold <n>', 'root keys that have to sign', positiveInteger)
    .option('--days <n>', 'how long it is valid', positiveInteger, 365)
  runs(draft, async (options: DraftOptions, output, [file]) => {
    expectNewFile(options.out)
    const { root: before } = await readRoot(needed(file, '<root>'))
    const change: RootChange = {
      addRootKeys: options.addRoot ?? [],
      removeRootKeys: options.removeRoot ?? [],
      addReleaseKeys: options.addRelease ?? [],
      removeReleaseKeys: options.removeRelease ?? [],
      revokedKeys: options.revoke ?? [],
      threshold: options.threshold,
      days: options.days,
    }
    const root = draftRoot(before, change, Date.now())
    const signed: SignedRoot = { root: textOfRoot(root), signatures: [] }
    await writeNew(options.out, `${JSON.stringify(signed, null, 1)}\n`)
    output.result({ root, file: resolve(options.out) }, rootLines(signed, root, before))
  })
}

function signCommand(trust: Command): void {
  const sign = trust
    .command('sign <root>')
    .description('add a signature to a root, in its file')
    .requiredOption('--key <file>', 'a root key', collect)
  runs(sign, async ({ key }: { readonly key: readonly string[] }, output, [file]) => {
    const path = needed(file, '<root>')
    const { signed: before, root } = await readRoot(path)
    const keys = await Promise.all(key.map(readKey))
    const signed = keys.reduce((so, one) => signRoot(one, so), before)
    await writeRoot(path, signed)
    const missing = missingLines(signed, [root])
    output.result({ root, signatures: signed.signatures }, [
      `root ${root.version} has ${signed.signatures.length} signatures`,
      ...(missing.length === 0
        ? [
            'enough of its own keys; `lorica trust publish` or `lorica coordinator --root` says whether it is taken',
          ]
        : missing),
    ])
  })
}

function publishCommand(trust: Command): void {
  const publish = withApi(trust.command('publish <root>')).description(
    'put a signed root in force: the coordinator checks it and tells every agent',
  )
  runs(publish, async (options: ApiOptions, output, [file]) => {
    const { signed, root } = await readRoot(needed(file, '<root>'))
    const view = await createApi(options).post<TrustView>('/api/v1/trust/roots', signed)
    output.result(view, [`root ${root.version} is in force until ${root.expiresAt}`, ...placeLines(view)])
  })
}

function rotateCommand(trust: Command): void {
  const rotate = withApi(trust.command('rotate'))
    .description('have the coordinator make a new release key; the one before signs nothing from then on')
    .option(
      '--out <file>',
      'where the root that names it goes, when the root keys are not beside the coordinator',
    )
    .option('--yes', 'do not ask')
  runs(
    rotate,
    async (
      { out, yes, ...options }: ApiOptions & { readonly out?: string; readonly yes?: boolean },
      output,
    ) => {
      if (out !== undefined) expectNewFile(out)
      if (!(await agrees('make a new release key', yes)))
        return output.result({ root: null }, ['nothing was done'])
      const rotated = await createApi(options).post<{
        readonly root: SignedRoot
        readonly isPublished: boolean
      }>('/api/v1/trust/rotate', {})
      if (rotated.isPublished)
        return output.result(rotated, ['a new release key is in force, and every release is signed with it'])
      if (out === undefined)
        throw new LoricaError('LRC-8001', 'the root keys are not beside the coordinator', {
          expected: '--out FILE for the root that is to be signed',
          received: 'no --out',
        })
      await writeRoot(out, rotated.root)
      output.result({ ...rotated, file: resolve(out) }, [
        `${resolve(out)} names the new release key. Sign it with the root keys, then: lorica trust publish ${out}`,
      ])
    },
  )
}
