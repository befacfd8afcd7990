/**
 * What an agent finds of a candidate beside the adapter before, other than its loss on held-out data: how long answers take, the memory, and
 * rates of texts. What is written is looked at here and thrown away.
 * @module
 */
import {
  type Adapter,
  type Answer,
  type Batches,
  type EngineSpec,
  hashKey,
  hashList,
  repetitionRate,
  surerShares,
  type Tokenizer,
  textRows,
  unclassedRows,
  wordHash,
  wordsOf,
} from '@lorica/peft-core'
import type { Probed, Probes } from '@lorica/protocol'
import type { WorkParts } from '../work/work-parts.js'
import { pairedOf } from './comparison.js'

/** One of the two adapters, ready to run. */
export interface Side {
  readonly spec: EngineSpec
  /** How sure it is of each held-out example, where the model sorts texts into classes. */
  readonly confidences?: ArrayLike<number>
  readonly adapter: Pick<Adapter, 'tensors'>
}

export interface Probing {
  readonly now: Side
  readonly before: Side
  readonly tokenizer: () => Promise<Tokenizer>
  /** Held-out rows, for models that write nothing. */
  readonly batches: Batches
  readonly overlap: (asked: NonNullable<Probes['overlap']>) => Promise<NonNullable<Probed['overlap']>>
  /** Hears that another part of the work is done. */
  readonly onDone: () => void
}

type Trainer = Pick<WorkParts['trainer'], 'answer' | 'examine' | 'peakBytes' | 'gpuBytes' | 'close'>

/** Looks at what was asked for. Throws as the trainer, or the signal's reason. */
export async function probe(
  asked: Probes,
  probing: Probing,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<Probed> {
  const texts = await textFindings(asked, probing, trainer, signal)
  const reference =
    asked.reference === undefined ? undefined : await referenceOf(asked.reference, probing, trainer, signal)
  const overlap = asked.overlap === undefined ? undefined : await probing.overlap(asked.overlap)
  signal.throwIfAborted()
  const cost = asked.cost === undefined ? undefined : await costOf(asked, probing, trainer, signal)
  return {
    ...texts,
    ...(reference === undefined ? {} : { reference }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(cost === undefined ? {} : { cost }),
  }
}

/** How a side writes: the graph that reads one text. */
const writing = ({ spec }: Side): EngineSpec => ({ ...spec, rows: 1, columns: WINDOW, purpose: 'logits' })
const WINDOW = 32

async function promptsOf({ texts }: NonNullable<Probes['prompts']>, { tokenizer }: Probing) {
  const { encode, bosId } = await tokenizer()
  const begin = bosId === undefined ? [] : [bosId]
  return texts.map((text) => {
    const ids = encode(text)
    return ids[0] === bosId ? ids : [...begin, ...ids]
  })
}

async function textFindings(
  { prompts, repetition, words }: Probes,
  probing: Probing,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<Pick<Probed, 'repetition' | 'words'>> {
  if (prompts === undefined || (repetition === undefined && words === undefined)) return {}
  const { decode, eosId } = await probing.tokenizer()
  const { tokens: maxTokens, temperature, seed } = prompts
  const request = {
    prompts: await promptsOf(prompts, probing),
    sampling: { maxTokens, temperature, seed, stopIds: eosId === undefined ? [] : [eosId] },
  }
  const answersOf = async (side: Side): Promise<readonly Answer[]> => {
    const answers = await trainer.answer(writing(side), side.adapter.tensors, request, signal)
    probing.onDone()
    return answers
  }
  const [before, now] = [await answersOf(probing.before), await answersOf(probing.now)]
  const listed = new Set(hashList(words ?? new Uint8Array()).map(hashKey))
  const repeats = ({ ids }: Answer): number => repetitionRate(ids)
  const hasWord = ({ ids }: Answer): number =>
    wordsOf(decode(ids)).some((word) => listed.has(hashKey(wordHash(word)))) ? 1 : 0
  return {
    ...(repetition === undefined ? {} : { repetition: pairedOf(now.map(repeats), before.map(repeats)) }),
    ...(words === undefined ? {} : { words: pairedOf(now.map(hasWord), before.map(hasWord)) }),
  }
}

async function referenceOf(
  texts: readonly string[],
  { now, before, tokenizer, onDone }: Probing,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<NonNullable<Probed['reference']>> {
  const { rows: atOnce, columns } = now.spec
  if (now.confidences !== undefined) {
    const asked = unclassedRows(texts, await tokenizer(), { rows: atOnce, columns })
    const surerOf = async ({ spec, adapter, confidences = [] }: Side) => {
      const { confidences: ofTexts } = await trainer.examine(spec, adapter.tensors, asked, signal)
      onDone()
      return surerShares(ofTexts, confidences)
    }
    return pairedOf(await surerOf(now), await surerOf(before))
  }
  const { encode, padId } = await tokenizer()
  const known = texts.map((text) => encode(text).slice(0, columns)).filter(({ length }) => length > 1)
  const rows = textRows(known, { rows: atOnce, columns, padId })
  const lossesOf = async ({ spec, adapter }: Side): Promise<readonly number[]> => {
    const { losses } = await trainer.examine(spec, adapter.tensors, rows, signal)
    onDone()
    return Array.from(losses)
  }
  return pairedOf(await lossesOf(now), await lossesOf(before))
}

/** Each side in a process that was just started, for its memory; then in turn, each first as often, for its time. */
async function costOf(
  { prompts, cost }: Probes,
  probing: Probing,
  trainer: Trainer,
  signal: AbortSignal,
): Promise<NonNullable<Probed['cost']>> {
  const { now, before, batches, onDone } = probing
  const ids = prompts === undefined ? undefined : await promptsOf(prompts, probing)
  const run = async (side: Side): Promise<Time> => {
    if (ids === undefined) {
      const { milliseconds } = await trainer.examine(side.spec, side.adapter.tensors, batches, signal)
      return { all: milliseconds, first: null }
    }
    const { tokens: maxTokens = 1, seed = 0 } = prompts ?? {}
    const sampling = { maxTokens, temperature: 0, seed, stopIds: [] } // answers of one length
    const chosen = ids.slice(0, TIMED_PROMPTS)
    const answers = await trainer.answer(
      writing(side),
      side.adapter.tensors,
      { prompts: chosen, sampling },
      signal,
    )
    const sum = (of: (answer: Answer) => number): number =>
      answers.reduce((all, answer) => all + of(answer), 0) / answers.length
    return { all: sum(({ milliseconds }) => milliseconds), first: sum(({ firstMs }) => firstMs) }
  }
  const memoryOf = async (side: Side) => {
    await trainer.close()
    await run(side)
    return { peakBytes: Math.round((await trainer.peakBytes()) ?? 1), gpuBytes: await trainer.gpuBytes() }
  }
  const [against, adapter] = [await memoryOf(before), await memoryOf(now)]
  const gpu =
    against.gpuBytes === undefined || adapter.gpuBytes === undefined
      ? {}
      : { adapterGpuBytes: adapter.gpuBytes, againstGpuBytes: against.gpuBytes }
  const isOneGraph = JSON.stringify(now.spec) === JSON.stringify(before.spec)
  const timed = async (side: Side): Promise<Time> => {
    if (!isOneGraph) await run(side) // its graph was closed for the other one: the first run opens it
    return await run(side)
  }
  if (isOneGraph) await run(now)
  const runs: NonNullable<Probed['cost']>['runs'] = []
  for (let pair = 0; pair < (cost?.pairs ?? 1); pair++) {
    const first = await timed(pair % 2 === 0 ? now : before)
    const second = await timed(pair % 2 === 0 ? before : now)
    onDone()
    const [candidate, champion] = pair % 2 === 0 ? [first, second] : [second, first]
    runs.push({
      ...{ adapter: candidate.all, against: champion.all },
      ...{ adapterFirst: candidate.first, againstFirst: champion.first },
    })
  }
  return { runs, adapterPeakBytes: adapter.peakBytes, againstPeakBytes: against.peakBytes, ...gpu }
}

/** Milliseconds of a run: of an answer on the average, and until it began. */
interface Time {
  readonly all: number
  readonly first: number | null
}

const TIMED_PROMPTS = 2
