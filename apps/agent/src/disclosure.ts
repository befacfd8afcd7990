import type { Comparison, Probed } from '@lorica/protocol'
import type { LastEvaluation, LastUpload } from './store/ledger.js'

/** What an agent sends, in words. Shown when it joins and by `last-upload`. */
export const statement: readonly string[] = [
  'What leaves this machine:',
  '  - the change of the adapter after training (a small file of numbers; see last-upload), clipped and rounded if the run asks for it',
  '  - counts: paragraphs, rows and tokens used, seconds, energy, training loss, and the loss on held-out text; no loss where a run protects examples, and in a private run only as a part of a sum',
  '  - which release is served here, how many requests it answered and failed, and how long they took; never a request',
  '  - where a run asks whether an adapter is better: on held-out text, how many predictions are right and how sure they were, and sums of differences',
  '  - where its run asks for it, too: how long answers to its prompts took and the memory, rates of repeated and listed words in them, the loss on its public texts, and how many of these and of the held-out examples the training data here has 13 words of',
  '  - about the machine: its name and labels, threads, what it trains with, memory size, its largest GPU, software version, public key',
  '  - when it declines: why, such as a limit of policy.yaml or the end of a pause; of private data only that it cannot be used',
  'What never leaves: your files, their names, any text, any tokens, the parts of adapters that a run lets this agent keep, and its private key.',
]

export interface Disclosure {
  readonly upload: LastUpload | null
  readonly evaluation: LastEvaluation | null
}

/** The records of what left last, for a person. */
export function disclosureLines({ upload, evaluation }: Disclosure): readonly string[] {
  if (upload === null) return ['No update has left this machine.', ...evaluationLines(evaluation)]
  const { update, counts, coordinator, at, masked } = upload
  const widest = Math.max(...update.tensors.map(({ name }) => name.length))
  return [
    `Last update: round ${update.round} of run ${update.runId}, to ${coordinator}, ${at}`,
    `  sha256 ${update.sha256}`,
    masked === undefined
      ? `  ${update.sizeBytes} bytes in ${update.encoding}, ${update.tensors.length} tensors:`
      : `  ${update.sizeBytes} bytes of masked values, ${masked.bits} bits each, which only mean something in the sum of ${masked.minSurvivors} to ${masked.agents} agents; of ${update.tensors.length} tensors:`,
    ...update.tensors.map(
      ({ name, shape, sizeBytes }) => `    ${name.padEnd(widest)}  (${shape.join(', ')})  ${sizeBytes} bytes`,
    ),
    ...(masked?.noise === undefined
      ? []
      : [
          `  with normal noise of standard deviation ${masked.noise.deviation.toPrecision(3)} of this agent's own on each value`,
        ]),
    `  L2 norm ${update.norm.toPrecision(6)}, scaled by ${update.clipFactor.toPrecision(6)} before it left`,
    ...(update.encoding === 'f32'
      ? []
      : [
          `  rounding kept back ${(100 * update.roundingError).toPrecision(3)} % of it, which goes into the next update`,
        ]),
    masked !== undefined
      ? `  sent beside it: ${Math.round(counts.trainMs)} ms of training; no count and no loss`
      : `  sent beside it: ${counts.examples} rows, ${counts.tokens} tokens, ${Math.round(counts.trainMs)} ms, ${energyText(counts)}${lossesOf(counts)}`,
    ...evaluationLines(evaluation),
  ]
}

function energyText({ energy }: LastUpload['counts']): string {
  return energy === undefined ? '' : `${energy.joules.toPrecision(3)} J (${energy.source}), `
}

function lossesOf({ lossFirst, lossLast, samplingRate }: LastUpload['counts']): string {
  return lossFirst === null || lossLast === null
    ? `${samplingRate} as the chance of an example to take part in a step; no loss, and counts as they were expected`
    : `loss ${lossFirst.toFixed(4)} to ${lossLast.toFixed(4)}`
}

function evaluationLines(evaluation: LastEvaluation | null): readonly string[] {
  if (evaluation === null) return []
  const { round, lossSum, tokens, evaluateMs, comparison, masked } = evaluation
  if (masked !== undefined)
    return [
      `Last evaluation: round ${round}: loss sum ${lossSum.toFixed(4)} over ${tokens} tokens, masked: what left only means something in the sum of ${masked.minSurvivors} to ${masked.agents} agents`,
    ]
  return [
    `Last evaluation: round ${round}: loss sum ${lossSum.toFixed(4)} over ${tokens} tokens, ${Math.round(evaluateMs)} ms`,
    ...(comparison === undefined ? [] : comparisonLines(comparison)),
  ]
}

function comparisonLines({
  adapter,
  against,
  againstLossSum,
  loss,
  accuracy,
  probed,
}: Comparison): readonly string[] {
  const sums = ({ sum, sumOfSquares }: Comparison['loss']): string =>
    `${sum.toFixed(4)} (squares ${sumOfSquares.toFixed(4)})`
  return [
    `  beside the adapter before: its loss sum ${againstLossSum.toFixed(4)}; ${adapter.right} predictions right, ${against.right} before, each counted in ten parts by probability`,
    `  over ${loss.count} rows, the sum of the differences in loss ${sums(loss)}, in the share that is right ${sums(accuracy)}`,
    ...(probed === undefined ? [] : probedLines(probed)),
  ]
}

function probedLines({ cost, repetition, words, reference, overlap }: Probed): readonly string[] {
  const sums = (what: string, told: Probed['reference']): readonly string[] =>
    told === undefined
      ? []
      : [
          `  ${what} of ${told.difference.count} texts: sum ${told.adapter.toFixed(4)}, ${told.against.toFixed(4)} before, squares of the differences ${told.difference.sumOfSquares.toFixed(4)}`,
        ]
  return [
    ...(cost === undefined
      ? []
      : [
          `  times of ${cost.runs.length} pairs of runs; the most memory ${cost.adapterPeakBytes} bytes, ${cost.againstPeakBytes} before`,
        ]),
    ...sums('repetition in the answers', repetition),
    ...sums('answers with a listed word', words),
    ...sums('loss on public texts', reference),
    ...(overlap === undefined
      ? []
      : [
          `  of ${overlap.items} public texts ${overlap.found} have 13 words that the training data here has, of ${overlap.heldOut} held-out examples ${overlap.heldOutFound}`,
        ]),
  ]
}
