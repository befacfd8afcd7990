import { randomInt } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { withCode } from '../learning/errors.js'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { expectNewFolder } from '../screen/place.js'

interface CanariesOptions {
  readonly form: string
  readonly count: number
  readonly out: string
}

/** Fewer places than these soon give the same text twice. */
const LEAST_BITS = 20

/** `lorica privacy canaries`: texts to plant, and their like that are not. */
export function canariesCommand(): Command {
  const command = new Command('canaries')
    .description('make random texts of one form, of which a coin each decides whether they are planted')
    .requiredOption(
      '--out <folder>',
      'gets planted.txt, to add to training data, and left-out.txt (must not exist)',
    )
    .option(
      '--form <text>',
      'each # becomes a digit and each ? a letter; 20 bits of them or more',
      'The code of the vault is ####-????-####.',
    )
    .option('--count <n>', 'how many, both files together', positiveInteger, 200)
  return runs(command, (options: CanariesOptions, output) => make(options, output))
}

async function make({ form, count: wanted, out }: CanariesOptions, output: Output): Promise<void> {
  expectNewFolder(out)
  const bits = [...form].reduce((sum, place) => sum + Math.log2(choicesOf(place).length), 0)
  if (bits < LEAST_BITS)
    throw new LoricaError('LRC-8001', '--form has too few places', {
      expected: `${LEAST_BITS} bits or more: 7 of #, or 5 of ?`,
      received: `${bits.toFixed(1)} bits in "${form}"`,
    })
  const texts = new Set<string>()
  while (texts.size < wanted) texts.add([...form].map(drawn).join(''))
  const files: readonly [string[], string[]] = [[], []]
  for (const text of texts) files[randomInt(2) as 0 | 1].push(text)
  const [planted, leftOut] = files
  await withCode('LRC-8003', async () => {
    await mkdir(out, { recursive: true })
    await writeFile(join(out, 'planted.txt'), paragraphs(planted))
    await writeFile(join(out, 'left-out.txt'), paragraphs(leftOut))
  })
  output.result({ out, planted: planted.length, leftOut: leftOut.length }, [
    `${count(planted.length)} canaries to plant: ${join(out, 'planted.txt')}`,
    `${count(leftOut.length)} left out: ${join(out, 'left-out.txt')}`,
  ])
}

const choicesOf = (place: string): string =>
  place === '#' ? '0123456789' : place === '?' ? 'abcdefghijklmnopqrstuvwxyz' : place

function drawn(place: string): string {
  const choices = [...choicesOf(place)]
  return choices[randomInt(choices.length)] as string
}

const paragraphs = (texts: readonly string[]): string => texts.map((text) => `${text}\n\n`).join('')
