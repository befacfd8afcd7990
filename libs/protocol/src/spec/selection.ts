/**
 * Which agents a run takes, as a condition on what is known of each: `gpu.vramGiB >= 8 and label.site in (oslo, turin)`.
 *
 * Labels and names are text. Beside a number they count as the number that they spell, in digits with at most one point: `label.at == 0` is met by
 * `0`, `00` and `0.0`, `label.tier >= 2` by `10`. A word and what is quoted are compared letter by letter: `label.at == "0"` is met by `0` alone.
 * @module
 */
import { isNumber, parseCondition, type Selection, valueText } from './selection-syntax.js'

export type { Selection } from './selection-syntax.js'

/** What is known of an agent, by the names that conditions use. Whatever is missing is not known. */
export type Facts = Readonly<Record<string, string | number | undefined>>

/** The facts that a condition can name, beside `label.KEY`. */
export const factNames = [
  'name',
  'device',
  'threads',
  'memoryGiB',
  'documents',
  'gpu.name',
  'gpu.vramGiB',
] as const

/** Reads a condition. Throws TypeError that says what was expected, and where. */
export function parseSelection(text: string): Selection {
  return parseCondition(text, (fact) => {
    if (/^label\.[a-z][a-z0-9._-]{0,31}$/.test(fact) || factNames.some((name) => name === fact)) return
    throw new TypeError(
      `"${fact}" is nothing that is known of agents; expected label.KEY, ${factNames.join(', ')}`,
    )
  })
}

/** Why an agent is not selected, in words; undefined when it is. What is not known is not equal to anything. */
export function unmet(selection: Selection, facts: Facts): string | undefined {
  switch (selection.kind) {
    case 'and':
      return firstOf(selection.parts.map((part) => unmet(part, facts)))
    case 'or': {
      const reasons = selection.parts.map((part) => unmet(part, facts))
      return reasons.includes(undefined) ? undefined : reasons.join(', and ')
    }
    case 'not':
      return unmet(selection.of, facts) === undefined
        ? `excluded by not (${textOf(selection.of)})`
        : undefined
    case 'in': {
      const { fact, values } = selection
      return values.some((value) => isEqual(facts[fact], value)) ? undefined : unlike(selection, facts[fact])
    }
    case 'compare':
      return holds(selection, facts[selection.fact]) ? undefined : unlike(selection, facts[selection.fact])
  }
}

/** A condition as people write it. */
export function textOf(selection: Selection): string {
  switch (selection.kind) {
    case 'and':
    case 'or':
      return selection.parts
        .map((part) => (part.kind === 'and' || part.kind === 'or' ? `(${textOf(part)})` : textOf(part)))
        .join(` ${selection.kind} `)
    case 'not':
      return `not (${textOf(selection.of)})`
    default:
      return `${selection.fact} ${demandOf(selection)}`
  }
}

type Demand = Extract<Selection, { kind: 'compare' | 'in' }>

function holds(
  { comparison, value }: Extract<Selection, { kind: 'compare' }>,
  known: string | number | undefined,
): boolean {
  if (known === undefined) return comparison === '!='
  if (comparison === '==') return isEqual(known, value)
  if (comparison === '!=') return !isEqual(known, value)
  const number = numberIn(known)
  if (number === undefined || typeof value !== 'number') return false
  if (comparison === '<') return number < value
  if (comparison === '<=') return number <= value
  return comparison === '>' ? number > value : number >= value
}

function isEqual(known: string | number | undefined, value: string | number): boolean {
  if (known === undefined) return false
  return typeof value === 'number' ? numberIn(known) === value : String(known) === value
}

/** The number that a fact is or spells. More digits than a number keeps apart are no number: two long ids are never taken for one. */
function numberIn(known: string | number): number | undefined {
  if (typeof known === 'number') return known
  return isNumber(known) ? Number(known) : undefined
}

function unlike(demand: Demand, known: string | number | undefined): string {
  const needed = `needed: ${demandOf(demand)}`
  if (known === undefined) return `${demand.fact} is not known, ${needed}`
  return `${demand.fact} is ${known}, ${needed}`
}

function demandOf(demand: Demand): string {
  if (demand.kind === 'in') return `in (${demand.values.map(valueText).join(', ')})`
  return `${demand.comparison} ${valueText(demand.value)}`
}

const firstOf = (reasons: readonly (string | undefined)[]): string | undefined =>
  reasons.find((reason) => reason !== undefined)
