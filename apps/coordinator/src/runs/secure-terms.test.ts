import { termsProblem } from '@lorica/privacy'
import { parseRunSpec } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { sumDemands, sumTerms } from './secure-terms.js'

const specOf = (secureAggregation: object | true = true, minimum = 3, clip = 0.3) =>
  parseRunSpec({
    ...{ name: 'tone', base: { model: 'm' }, data: { maxTokens: 16 } },
    local: { steps: 5, batch: 4, learningRate: 1e-3 },
    rounds: { count: 1, minimum },
    ...{ aggregate: { trust: 'private' }, privacy: { clip, secureAggregation } },
  })

test('the fewest survivors are those of the run, and more where fewer could be told two lists', () => {
  expect(sumDemands(specOf(), 3)).toEqual({ degree: 2, threshold: 2, minSurvivors: 3 })
  expect(sumDemands(specOf({ minSurvivors: 2 }), 3)).toEqual({ degree: 2, threshold: 2, minSurvivors: 2 })
  expect(sumDemands(specOf(), 10)).toEqual({ degree: 9, threshold: 6, minSurvivors: 7 }) // 2 of 10 may collude: 10 - floor((10 - 2 - 1) / 2)
  expect(sumDemands(specOf({ minSurvivors: 9 }, 9), 10).minSurvivors).toBe(9)
  expect(sumDemands(specOf({ colluding: 0 }), 10).minSurvivors).toBe(6)
  expect(sumDemands(specOf({ threshold: 3 }), 10).threshold).toBe(6) // below half it would give both secrets of an agent back
  expect(sumDemands(specOf({ threshold: 7 }), 10).threshold).toBe(7)
})

test('terms protect for any number of agents that a round may have, in a graph that is sparse above 100', () => {
  const shapes = new Map([['m.lora_A.weight', [2, 8]]])
  for (const agents of [3, 4, 5, 7, 12, 33, 60, 100, 101, 150, 200, 256]) {
    const seats = { size: agents }
    const terms = sumTerms({ runId: 'r1', spec: specOf() }, { round: 1, attempt: 2, seats }, shapes)
    expect(termsProblem(terms, 3), String(agents)).toBeNull()
    expect([terms.elements, terms.attempt, terms.ring.bits]).toEqual([16, 2, 32])
    expect(terms.ring.bound).toBeGreaterThanOrEqual(0.3)
    if (agents <= 100) expect(terms.degree).toBe(agents - 1)
    else expect(terms.degree).toBeLessThan(agents - 1)
  }
  const whole = sumDemands(specOf({ graph: 'complete' }), 150)
  expect(whole.degree).toBe(149)
})

test('a round of two agents has no sum', () => {
  expect(() => sumDemands(specOf(), 2)).toThrow('no secure sum of 2 agents: agents expected 3 or more, got 2')
})
