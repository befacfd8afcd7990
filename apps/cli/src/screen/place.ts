/**
 * Where results go, looked at before anything is computed.
 * @module
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LoricaError } from '@lorica/protocol'

/** LRC-8003 when a folder is there already, or could not be made. */
export function expectNewFolder(folder: string, option = '--out'): void {
  if (existsSync(folder)) {
    throw new LoricaError('LRC-8003', `"${folder}" is already there`, {
      expected: 'a folder that does not exist yet',
      action: `Give another ${option}.`,
    })
  }
  let above = dirname(resolve(folder))
  while (!existsSync(above)) above = dirname(above)
  expectWritable(above, folder, option)
}

/** LRC-8003 when a file could not be written: a folder has its name, or it would lie in no folder. */
export function expectFilePlace(file: string, option = '--out'): void {
  if (existsSync(file) && statSync(file).isDirectory()) throw refusal(file, option, 'a folder has that name')
  const above = dirname(resolve(file))
  if (!existsSync(above)) throw refusal(file, option, `there is no folder "${above}"`)
  expectWritable(above, file, option)
}

/** LRC-8003 when a file is there already, or could not be written. */
export function expectNewFile(file: string, option = '--out'): void {
  if (existsSync(file)) throw refusal(file, option, 'it is already there')
  expectFilePlace(file, option)
}

function expectWritable(above: string, place: string, option: string): void {
  if (!statSync(above).isDirectory()) throw refusal(place, option, `"${above}" is no folder`)
  try {
    accessSync(above, constants.W_OK)
  } catch {
    throw refusal(place, option, `"${above}" cannot be written to`)
  }
}

function refusal(place: string, option: string, why: string): LoricaError {
  return new LoricaError('LRC-8003', `${option} "${place}" cannot be written: ${why}`, {
    action: `Give another ${option}.`,
  })
}
