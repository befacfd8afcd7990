import { createInterface } from 'node:readline/promises'
import { LoricaError } from '@lorica/protocol'

/**
 * Asks before something that cannot be undone. `--yes` answers beforehand; without a terminal it has to. Resolves to whether
 * the person agreed. Throws LRC-8001 when nobody can be asked.
 */
export async function agrees(question: string, isAgreed: boolean | undefined): Promise<boolean> {
  if (isAgreed === true) return true
  if (process.stdin.isTTY !== true) {
    throw new LoricaError('LRC-8001', `${question}: nobody can be asked`, {
      expected: '--yes, where there is no terminal',
      received: 'no --yes',
    })
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await asking.question(`${question}? [y/N] `)).trim())
  } finally {
    asking.close()
  }
}
