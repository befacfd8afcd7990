/**
 * Precision, recall and F1 of each class.
 * Definitions: https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics
 * @module
 */

export interface ClassScore {
  /** Its number. */
  readonly class: number
  /** How many labels are this class. */
  readonly support: number
  /** How many predictions are. */
  readonly predicted: number
  /** The share of the predictions that are right; 0 when there is none. */
  readonly precision: number
  /** The share of the labels that are found; 0 when there is none. */
  readonly recall: number
  /** The harmonic mean of both. */
  readonly f1: number
}

export interface ClassCounts {
  add(label: number, prediction: number): void
  /** The classes that occur as a label or as a prediction, in order. */
  scores(): readonly ClassScore[]
}

/** Counts labels and predictions. Memory grows with the classes that occur, not with the data. */
export function createClassCounts(): ClassCounts {
  const counts = new Map<number, { support: number; predicted: number; right: number }>()
  const countsOf = (one: number) => {
    const found = counts.get(one) ?? { support: 0, predicted: 0, right: 0 }
    counts.set(one, found)
    return found
  }
  return {
    add(label, prediction) {
      countsOf(label).support++
      countsOf(prediction).predicted++
      if (label === prediction) countsOf(label).right++
    },
    scores: () =>
      [...counts]
        .sort(([a], [b]) => a - b)
        .map(([one, { support, predicted, right }]) => ({
          class: one,
          support,
          predicted,
          precision: predicted === 0 ? 0 : right / predicted,
          recall: support === 0 ? 0 : right / support,
          f1: (2 * right) / (support + predicted),
        })),
  }
}

/** The mean F1 over classes, each weighing the same; NaN of none. */
export const macroF1 = (scores: readonly ClassScore[]): number =>
  scores.reduce((sum, { f1 }) => sum + f1, 0) / scores.length
