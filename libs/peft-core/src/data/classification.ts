import type { Tokenizer } from '../train/tokens.js'
import type { Example } from './example.js'
import { type Fields, nameOf, shown, textOf } from './fields.js'
import { type Frame, framedPair, framedText } from './frame.js'
import { labelName, type MetLabels } from './labels.js'

export interface ClassReader {
  readonly tokenizer: Tokenizer
  readonly frame: Frame
  readonly columns: number
  readonly labels: MetLabels
}

/** The names under which a record may hold its text, a second text, and its class. */
const textNames = ['text', 'sentence', 'sentence1', 'premise', 'text1', 'question1'] as const
const pairNames = ['text_pair', 'sentence2', 'hypothesis', 'text2', 'question2'] as const
export const classNames = ['label', 'category', 'intent', 'class'] as const

/**
 * A text, or a pair of texts, with the number of its class among the labels met so far. RangeError says which field is
 * missing or is not what it should be.
 */
export function readClassified(fields: Fields, { tokenizer, frame, columns, labels }: ClassReader): Example {
  const [text, pair, label] = [
    nameOf(fields, textNames),
    nameOf(fields, pairNames),
    nameOf(fields, classNames),
  ]
  if (text === undefined || label === undefined) {
    const wanted = text === undefined ? textNames[0] : classNames[0]
    throw new RangeError(`expected a field "${wanted}", got ${shown(Object.keys(fields))}`)
  }
  const tokensOf = (name: string): number[] => {
    const ids = tokenizer.encode(textOf(fields, name))
    if (ids.length > 0) return ids
    throw new RangeError(`expected text in "${name}", got ${shown(fields[name])}`)
  }
  const framed =
    pair === undefined
      ? framedText(frame, tokensOf(text), columns)
      : framedPair(frame, [tokensOf(text), tokensOf(pair)], columns)
  return { ...framed, labels: [labels.numberOf(labelName(fields[label], label))] }
}
