import { IGNORED } from '../train/counted.js'
import type { ClassReader } from './classification.js'
import type { Example } from './example.js'
import { type Fields, nameOf, shown, textsOf } from './fields.js'
import { framedText } from './frame.js'
import { labelName } from './labels.js'

/** The names under which a record may hold its words and their labels. */
export const wordNames = ['tokens', 'words'] as const
const tagNames = ['labels', 'tags', 'ner_tags', 'pos_tags'] as const

/**
 * Words with a label each. The first token of a word gets its label, the others and the special tokens none, as in
 * https://huggingface.co/docs/transformers/tasks/token_classification. RangeError when words and labels are not as many.
 */
export function readLabelledWords(
  fields: Fields,
  { tokenizer, frame, columns, labels }: ClassReader,
): Example {
  const wordsName = nameOf(fields, wordNames)
  const tagsName = nameOf(fields, tagNames)
  if (wordsName === undefined || tagsName === undefined) {
    const wanted = wordsName === undefined ? wordNames[0] : tagNames[0]
    throw new RangeError(`expected a list "${wanted}", got ${shown(Object.keys(fields))}`)
  }
  const words = textsOf(fields, wordsName)
  const tags = fields[tagsName]
  if (!Array.isArray(tags) || tags.length !== words.length) {
    const got = Array.isArray(tags) ? `${tags.length}` : shown(tags)
    throw new RangeError(`expected ${words.length} "${tagsName}", one for each of "${wordsName}", got ${got}`)
  }
  const space = wordSpace(tokenizer)
  const pieces = words.map((word) => tokenizer.encode(space + word))
  const tagged = pieces.flatMap((ids, word) =>
    ids.map((_, at) => (at === 0 ? labels.numberOf(labelName(tags[word], tagsName)) : IGNORED)),
  )
  const [before, after] = frame.single
  const { ids, isCut } = framedText(frame, pieces.flat(), columns)
  const kept = tagged.slice(0, ids.length - before.length - after.length)
  return { ids, isCut, labels: [...before.map(() => IGNORED), ...kept, ...after.map(() => IGNORED)] }
}

/** What separates words: a space where it is a part of the next word's first token, else nothing. */
function wordSpace({ encode }: ClassReader['tokenizer']): string {
  return encode(' a').length <= encode('a').length ? ' ' : ''
}
