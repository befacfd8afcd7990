import { open, readFile, rm } from 'node:fs/promises'
import { LoricaError } from '@lorica/protocol'

/** Sole use of a folder until released. */
export interface Lock {
  release(): Promise<void>
}

/** Takes the lock file of a folder. A lock whose process has ended is taken over. Throws LoricaError LRC-5003. */
export async function takeLock(path: string): Promise<Lock> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, 'wx', 0o600)
      await file.writeFile(`${process.pid}\n`)
      await file.close()
      return { release: () => rm(path, { force: true }) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const owner = Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10)
      if (Number.isInteger(owner) && owner !== process.pid && isRunning(owner)) throw inUse(path, owner)
      await rm(path, { force: true })
    }
  }
  throw inUse(path, Number.NaN)
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function inUse(path: string, owner: number): LoricaError {
  return new LoricaError('LRC-5003', `${path}: another coordinator works in this folder (process ${owner})`, {
    expected: 'a folder that no other process uses',
    received: `process ${owner}`,
  })
}
