/** Every setting of the base model and its training. */
export const recipe = {
  vocabulary: 1024,
  width: 192,
  layers: 4,
  heads: 6,
  keyValueHeads: 2,
  feedForward: 512,
  positions: 256,
  ropeTheta: 10_000,
  tokensPerWindow: 128,
  batch: 16, // windows in one step
  steps: 1_300,
  learningRate: 3e-3, // highest; cosine down to 0
  warmupSteps: 100,
  weightDecay: 0.1,
  clipNorm: 1,
  holdout: 0.05, // share of the paragraphs that the loss in the card is measured on
  seed: 7,
  threads: 2,
  reportEverySteps: 50, // a job of the engine; the weights are written after each
} as const

export type Recipe = typeof recipe
