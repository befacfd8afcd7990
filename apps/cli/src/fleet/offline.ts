import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { readKey, readRoot, writeNew } from './root-file.js'

/** The newest root in the folder of a coordinator. Throws LoricaError LRC-8003. */
export async function newestRoot(dir: string): ReturnType<typeof readRoot> {
  const names = await readdir(join(dir, 'trust')).catch(() => [] as string[])
  const versions = names.flatMap((name) => /^root-(\d+)\.json$/.exec(name)?.[1] ?? []).map(Number)
  if (versions.length > 0) return readRoot(join(dir, 'trust', `root-${Math.max(...versions)}.json`))
  throw new LoricaError('LRC-8003', `${dir}: has no root`, {
    expected: 'the folder of a coordinator that was started before',
    received: 'no file trust/root-1.json',
  })
}

/** Moves the root keys of a coordinator's folder to another one: copied, read back, then removed. Returns where they are. */
export async function takeOffline(dir: string, out: string): Promise<readonly string[]> {
  const { root } = await newestRoot(dir)
  const place = join(dir, 'trust', 'keys')
  const paths: string[] = []
  for (const name of await readdir(place)) {
    const key = await readKey(join(place, name))
    if (!root.rootKeys.includes(key.publicKey)) continue
    const path = join(out, `root-key-${key.id.slice(0, 8)}.json`)
    await writeNew(path, await readFile(join(place, name), 'utf8'))
    if ((await readKey(path)).publicKey !== key.publicKey)
      throw new LoricaError('LRC-8003', `${path}: does not read back`, { expected: key.publicKey })
    await rm(join(place, name))
    paths.push(path)
  }
  if (paths.length > 0) return paths
  throw new LoricaError('LRC-8003', `${place}: no root key is here`, {
    expected: `the private key of ${root.rootKeys.join(' or ')}`,
    received: 'release keys only: the root keys were taken away before',
  })
}
