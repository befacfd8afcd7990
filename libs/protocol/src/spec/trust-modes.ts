/**
 * What goes with what: strategies of aggregation, robust rules, and updates that nobody sees one by one.
 * @module
 */

/** Rules that weigh whole updates, and rules that look at single values, which mean something only where one factor is frozen. */
type RuleKind = 'whole' | 'value'

interface Mode {
  readonly rules: readonly RuleKind[]
  readonly isLinear: boolean // its result follows from the sum of what is sent, which is all that secure aggregation gives
  readonly takesRanks?: true // agents may have ranks of their own
  readonly takesPersonal?: true // tensors may stay with their agents: the others are averaged one by one
  readonly hasSide?: true // it leaves frozen factors beside those that are trained, and takes nothing but factors
}

export const strategyModes: Readonly<Record<string, Mode>> = {
  fedavg: { rules: ['whole'], isLinear: true, takesPersonal: true },
  ffa: { rules: ['whole', 'value'], isLinear: true, takesPersonal: true },
  rolora: { rules: ['whole', 'value'], isLinear: true, takesPersonal: true },
  fedsvd: { rules: ['whole'], isLinear: true },
  fedsa: { rules: [], isLinear: true, takesPersonal: true },
  svd: { rules: ['whole'], isLinear: false, takesRanks: true },
  'lora-fair': { rules: [], isLinear: false },
  hetlora: { rules: [], isLinear: false, takesRanks: true },
  fedrot: { rules: [], isLinear: false }, // turned here, each by itself
  flora: { rules: ['whole'], isLinear: false, takesRanks: true, hasSide: true },
  fedex: { rules: ['whole'], isLinear: false, hasSide: true },
}

export const ruleKinds: Readonly<Record<string, RuleKind>> = {
  'norm-bound': 'whole',
  krum: 'whole',
  'multi-krum': 'whole',
  'geometric-median': 'whole',
  'centred-clipping': 'whole',
  'trusted-root': 'whole',
  median: 'value',
  'trimmed-mean': 'value',
  bulyan: 'value',
}

/** The strategies for which something holds, as people read them. */
export function strategiesWith(holds: (mode: Mode) => boolean): string {
  return Object.entries(strategyModes)
    .filter(([, mode]) => holds(mode))
    .map(([name]) => name)
    .join(', ')
}
