/**
 * How the demo ends: the table, and the same prompt before and after.
 * @module
 */
import type { Losses } from './compare.js'
import { runLorica } from './processes.js'
import type { Recipe } from './recipe.js'

const PROMPT = 'The American people'

/** Held-out loss of every way to train, best last but one: without privacy is what nobody may do. */
export function tableLines(
  { base, alone, federated, pooled }: Losses,
  { rounds, steps, agents }: Recipe,
): readonly string[] {
  const rows: readonly (readonly [string, number])[] = [
    ['base model, not fine-tuned', base],
    ...alone.map((loss, index) => [`site-${index + 1} alone, ${rounds * steps} steps`, loss] as const),
    [`the federation, ${rounds} rounds x ${steps} steps`, federated],
    [`all texts in one place, batch x ${agents}`, pooled],
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    `${'held-out text of all sites'.padEnd(width)}  nats per token`,
    ...rows.map(([name, loss]) => `${name.padEnd(width)}  ${loss.toFixed(4).padStart(14)}`),
  ]
}

/** What the model writes for one prompt, before and after. */
export async function sampleLines(model: string, adapter: string): Promise<readonly string[]> {
  const options = [
    '--model',
    model,
    '--prompt',
    PROMPT,
    '--max-new-tokens',
    '60',
    '--seed',
    '3',
    '--threads',
    '1',
  ]
  const [before, after] = await Promise.all([
    runLorica<{ text: string }>(['generate', ...options]),
    runLorica<{ text: string }>(['generate', ...options, '--adapter', adapter]),
  ])
  const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()
  return [`before: ${PROMPT} ${oneLine(before.text)}`, `after:  ${PROMPT} ${oneLine(after.text)}`]
}
