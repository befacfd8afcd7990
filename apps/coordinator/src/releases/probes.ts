/**
 * What the guards of a run have agents look at beside held-out data.
 * @module
 */
import { gramHashes, wordHash, wordsOf } from '@lorica/peft-core'
import {
  type GuardMetric,
  metricsOfAnswers,
  OVERLAP_WORDS,
  type Probes,
  type RunSpec,
  SHORT_HASH_BYTES,
} from '@lorica/protocol'
import { abuseWords } from './abuse-words.js'
import { neutralPrompts } from './neutral-prompts.js'

const PAIRS = 16 // runs of each adapter
const OF_TIME: readonly GuardMetric[] = ['latency', 'first-token', 'memory']

/** Undefined: nothing. `key` is of 32 random bytes, which nobody has had before. */
export function probesFor(
  { evaluate, data }: Pick<RunSpec, 'evaluate' | 'data'>,
  { key, seed }: { readonly key: Uint8Array; readonly seed: number },
): Probes | undefined {
  const wanted = new Set(evaluate.guards.filter(({ mode }) => mode !== 'off').map(({ metric }) => metric))
  const isWanted = (...metrics: readonly GuardMetric[]): boolean => metrics.some((one) => wanted.has(one))
  const isClassifier = ['classification', 'tokens'].includes(data.format)
  const { prompts, words, reference = [] } = evaluate
  const isOfTime = isWanted(...OF_TIME)
  const needsPrompts = isWanted(...metricsOfAnswers) || (isOfTime && !isClassifier)
  const probes: Probes = {
    ...(needsPrompts
      ? {
          prompts: {
            texts: [...(prompts?.texts ?? neutralPrompts)],
            tokens: prompts?.tokens ?? 32,
            temperature: prompts?.temperature ?? 0,
            seed,
          },
        }
      : {}),
    ...(isOfTime ? { cost: { pairs: PAIRS } } : {}),
    ...(isWanted('repetition') ? { repetition: true as const } : {}),
    ...(isWanted('words') ? { words: words === undefined ? abuseWords() : joined(words.map(wordHash)) } : {}),
    ...(isWanted('out-of-distribution') ? { reference: [...reference] } : {}),
    ...(isWanted('contamination', 'leakage')
      ? { overlap: overlapWith(isWanted('contamination') ? reference : [], key) }
      : {}),
  }
  return Object.keys(probes).length === 0 ? undefined : probes
}

/** Texts of fewer than 13 words have no run of them, and are left out. */
function overlapWith(texts: readonly string[], key: Uint8Array): NonNullable<Probes['overlap']> {
  const hashes = texts
    .map((text) => [...gramHashes(wordsOf(text), key, OVERLAP_WORDS)])
    .filter(({ length }) => length > 0)
  return { key, items: hashes.map(({ length }) => length), hashes: joined(hashes.flat()) }
}

function joined(hashes: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * SHORT_HASH_BYTES)
  for (const [at, hash] of hashes.entries()) bytes.set(hash, at * SHORT_HASH_BYTES)
  return bytes
}
