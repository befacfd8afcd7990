/** Parts of the file of a run. */
export interface RunParts {
  readonly aggregate?: object
  readonly local?: object
  readonly update?: object
  readonly privacy?: object
  readonly rounds?: object
}

/** Ways to aggregate that a run is simulated with, and what each needs in the file of the run. */
const uniform = { weights: { by: 'uniform' } }
const sgd = { optimizer: 'sgd', scaffold: true }

export const ways = {
  mean: {},
  svd: { aggregate: { strategy: 'svd' } },
  ffa: { aggregate: { strategy: 'ffa' } },
  rolora: { aggregate: { strategy: 'rolora' } },
  fedsvd: { aggregate: { strategy: 'fedsvd' } },
  'lora-fair': { aggregate: { strategy: 'lora-fair' } },
  hetlora: { aggregate: { strategy: 'hetlora' } },
  fedrot: { aggregate: { strategy: 'fedrot' } },
  fedsa: { aggregate: { strategy: 'fedsa' } },
  flora: { aggregate: { strategy: 'flora' } },
  fedex: { aggregate: { strategy: 'fedex' } },
  momentum: { aggregate: { optimizer: { kind: 'momentum' } } },
  adam: { aggregate: { optimizer: { kind: 'adam' } } },
  median: { aggregate: { trust: 'robust', robust: { rule: 'geometric-median' } } },
  scaffold: { aggregate: uniform, local: sgd },
  private: {
    aggregate: { trust: 'private' },
    ...{ privacy: { clip: 4, secureAggregation: { minSurvivors: 3, colluding: 0 } }, rounds: { minimum: 3 } },
  },
  int8: { update: { encoding: 'int8' } },
} satisfies Readonly<Record<string, RunParts>>

export type Way = keyof typeof ways

/** The way of a name. RangeError names all of them. */
export function parseWay(name: string): Way {
  if (Object.hasOwn(ways, name)) return name as Way
  throw new RangeError(`--way expected one of ${Object.keys(ways).join(', ')}, got "${name}"`)
}
