import type { RandomModel } from '../learning/random-model.js'

const common = { element: 'float32', positions: 1024 } as const

/** Models of random weights whose answers are timed. */
export const servedShapes = {
  tiny: {
    ...{ ...common, family: 'qwen2', layers: 2, width: 64, heads: 4, keyValueHeads: 2 },
    ...{ feedForward: 128, vocabulary: 512 },
  },
  'gpt2-small': {
    ...{ ...common, family: 'gpt2', layers: 12, width: 768, heads: 12, keyValueHeads: 12 },
    ...{ feedForward: 3072, vocabulary: 8192 },
  },
  'qwen2-0.5b': {
    ...{ ...common, family: 'qwen2', layers: 24, width: 896, heads: 14, keyValueHeads: 2 },
    ...{ feedForward: 4864, vocabulary: 151_936 },
  },
} as const satisfies Readonly<Record<string, RandomModel>>
