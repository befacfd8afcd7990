/**
 * The syntax of conditions, by recursive descent:
 *
 *     either = all ("or" all)* ;  all = one ("and" one)* ;  one = "not" one | "(" either ")" | demand
 *     demand = fact comparison value | fact ["not"] "in" "(" value ("," value)* ")"
 * @module
 */
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>='

/** A condition. Values are words or numbers; words, and all that is quoted, are equal or not, numbers have an order too. */
export type Selection =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Selection[] }
  | { readonly kind: 'not'; readonly of: Selection }
  | {
      readonly kind: 'compare'
      readonly fact: string
      readonly comparison: Comparison
      readonly value: string | number
    }
  | { readonly kind: 'in'; readonly fact: string; readonly values: readonly (string | number)[] }

interface Token {
  readonly kind: 'word' | 'number' | 'quoted' | 'sign' | 'end'
  readonly text: string
  readonly at: number // characters before it
}

const LONGEST = 1000 // characters
const DEEPEST = 20 // conditions inside conditions
const pattern =
  /\s*(?:(?<number>-?\d+(?:\.\d+)?)(?![\p{L}\p{N}._-])|(?<word>[\p{L}\p{N}_][\p{L}\p{N}._-]*)|'(?<single>[^']*)'|"(?<double>[^"]*)"|(?<sign>==|!=|<=|>=|=|<|>|\(|\)|,))/uy
const word = /^[\p{L}\p{N}_][\p{L}\p{N}._-]*$/u
const number = /^-?\d+(?:\.\d+)?$/
const DIGITS = 15 // that a number of 64 bits keeps apart
const comparisons: readonly string[] = ['==', '=', '!=', '<', '<=', '>', '>='] // = means ==

/** Reads a condition; `expectFact` throws for a name that conditions cannot use. Throws TypeError. */
export function parseCondition(text: string, expectFact: (fact: string) => void): Selection {
  if (text.length > LONGEST) throw new TypeError(`expected at most ${LONGEST} characters, got ${text.length}`)
  const tokens = tokensOf(text)
  let next = 0
  const peek = (): Token => tokens[next] as Token
  const take = (): Token => tokens[next++] as Token
  const takesWord = (word: string): boolean => {
    if (peek().kind !== 'word' || peek().text !== word) return false
    next++
    return true
  }
  const expectSign = (sign: string): void => {
    const token = take()
    if (token.kind !== 'sign' || token.text !== sign) throw unexpected(token, `"${sign}"`)
  }
  const joined = (kind: 'and' | 'or', part: (depth: number) => Selection, depth: number): Selection => {
    const parts = [part(depth)]
    while (takesWord(kind)) parts.push(part(depth))
    return parts.length === 1 ? (parts[0] as Selection) : { kind, parts }
  }
  const either = (depth: number): Selection => joined('or', all, depth)
  const all = (depth: number): Selection => joined('and', one, depth)
  const one = (depth: number): Selection => {
    if (depth > DEEPEST) throw new TypeError(`expected at most ${DEEPEST} conditions inside one another`)
    if (takesWord('not')) return { kind: 'not', of: one(depth + 1) }
    if (peek().kind !== 'sign' || peek().text !== '(') return demand()
    take()
    const inner = either(depth + 1)
    expectSign(')')
    return inner
  }
  const demand = (): Selection => {
    const { kind, text: fact } = peek()
    if (kind !== 'word') throw unexpected(peek(), 'a name such as label.site')
    expectFact(fact)
    take()
    const isNegated = takesWord('not')
    if (takesWord('in')) {
      const inside = { kind: 'in', fact, values: values() } as const
      return isNegated ? { kind: 'not', of: inside } : inside
    }
    const sign = take()
    if (isNegated || sign.kind !== 'sign' || !comparisons.includes(sign.text))
      throw unexpected(sign, isNegated ? '"in"' : 'a comparison such as == or >=, or "in"')
    const comparison = (sign.text === '=' ? '==' : sign.text) as Comparison
    return { kind: 'compare', fact, comparison, value: value() }
  }
  const values = (): readonly (string | number)[] => {
    expectSign('(')
    const found = [value()]
    while (peek().kind === 'sign' && peek().text === ',') {
      take()
      found.push(value())
    }
    expectSign(')')
    return found
  }
  const value = (): string | number => {
    const token = take()
    if (token.kind === 'number') return isNumber(token.text) ? Number(token.text) : token.text
    if (token.kind === 'word' || token.kind === 'quoted') return token.text
    throw unexpected(token, 'a word or a number')
  }
  const selection = either(0)
  if (peek().kind !== 'end') throw unexpected(peek(), '"and", "or" or the end')
  return selection
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  pattern.lastIndex = 0
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex
    const match = pattern.exec(text)
    if (match === null)
      throw new TypeError(`unexpected "${text.slice(from).trim().slice(0, 20)}" after ${from} characters`)
    tokens.push({ ...tokenOf(match.groups ?? {}), at: from })
  }
  return [...tokens, { kind: 'end', text: 'the end', at: end }]
}

function tokenOf({
  number,
  word,
  single,
  double,
  sign,
}: Readonly<Record<string, string | undefined>>): Omit<Token, 'at'> {
  if (number !== undefined) return { kind: 'number', text: number }
  if (word !== undefined) return { kind: 'word', text: word }
  if (sign !== undefined) return { kind: 'sign', text: sign }
  return { kind: 'quoted', text: single ?? double ?? '' }
}

function unexpected({ kind, text, at }: Token, expected: string): TypeError {
  const found = kind === 'end' ? text : `"${text.slice(0, 40)}"`
  return new TypeError(`expected ${expected}, got ${found} after ${at} characters`)
}

/** Whether a text spells a number, in digits that are all kept. */
export function isNumber(text: string): boolean {
  return number.test(text) && text.replace(/\D/g, '').replace(/^0+/, '').length <= DIGITS
}

/** A value as people write it: quoted where it would be read as something else. */
export function valueText(value: string | number): string {
  if (typeof value === 'number') return String(value)
  if (word.test(value) && !isNumber(value)) return value
  return value.includes('"') ? `'${value}'` : `"${value}"`
}
