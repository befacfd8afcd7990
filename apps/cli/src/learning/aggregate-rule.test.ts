import { expect, test } from 'vitest'
import { type RuleOptions, ruleOf } from './aggregate-rule.js'

test.each([
  [{}, null],
  [
    { robust: 'krum', liars: 2 },
    { rule: 'krum', liars: 2 },
  ],
  [
    { robust: 'multi-krum', liars: 1, keep: 3 },
    { rule: 'multi-krum', liars: 1, kept: 3 },
  ],
  [{ robust: 'norm-bound' }, { rule: 'norm-bound', maxNorm: 'median' }],
  [
    { robust: 'centred-clipping', maxNorm: 0.5 },
    { rule: 'centred-clipping', radius: 0.5 },
  ],
  [{ robust: 'geometric-median' }, { rule: 'geometric-median' }],
  [
    { robust: 'trimmed-mean', liars: 1, trim: 0.3 },
    { rule: 'trimmed-mean', liars: 1, share: 0.3 },
  ],
  [
    { robust: 'trusted-root', root: 'own' },
    { rule: 'trusted-root', root: 'own' },
  ],
] as const satisfies readonly (readonly [RuleOptions, unknown])[])('%j is the rule %j', (options, rule) => {
  expect(ruleOf(options)).toEqual(rule)
})

test.each([
  [{ robust: 'krum' }, 'this rule needs --liars'],
  [{ robust: 'trimmed-mean', liars: 1 }, 'this rule needs --trim'],
  [{ robust: 'krum', liars: 1, keep: 2 }, '--keep is for --robust multi-krum'],
  [{ robust: 'norm-bound', liars: 1 }, '--liars is for --robust krum, multi-krum'],
  [{ root: 'own' }, '--root is for --robust trusted-root'],
] as const satisfies readonly (readonly [RuleOptions, string])[])('%j is refused', (options, message) => {
  expect(() => ruleOf(options)).toThrow(message)
})
