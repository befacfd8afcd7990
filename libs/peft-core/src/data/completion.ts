/**
 * Prompts and what should follow them.
 * @module
 */
import type { Tokenizer } from '../train/tokens.js'
import { answeredExample } from './answered.js'
import type { Example } from './example.js'
import { type Fields, nameOf, shown, textOf } from './fields.js'

interface Pair {
  readonly prompt: string
  readonly completion: string
}

/** The names under which a record may hold a prompt and its completion. */
export const completionNames = ['prompt', 'instruction', 'question'] as const

/**
 * A record as examples whose loss counts on the completion and the end of the text only:
 * - `prompt`, `completion`: as they are, one after the other;
 * - `question`, `answer`: with a line between them;
 * - `instruction`, `input` (may be absent), `output`, or a list of `instances` with the last two: in the words of
 *   https://github.com/tatsu-lab/stanford_alpaca#data-release.
 * RangeError says which field is missing.
 */
export function readCompletions(fields: Fields, tokenizer: Tokenizer, columns: number): readonly Example[] {
  return pairsOf(fields).map(({ prompt, completion }) => {
    if (completion === '') throw new RangeError('expected a completion, got an empty text')
    const text = prompt + completion
    const answers = [{ start: prompt.length, end: text.length }]
    return answeredExample({ text, answers, specialTokens: true, ends: true }, tokenizer, columns)
  })
}

function pairsOf(fields: Fields): readonly Pair[] {
  switch (nameOf(fields, completionNames)) {
    case 'prompt':
      return [{ prompt: textOf(fields, 'prompt'), completion: textOf(fields, 'completion') }]
    case 'question':
      return [{ prompt: `${textOf(fields, 'question')}\n`, completion: textOf(fields, 'answer') }]
    case 'instruction':
      return instancesOf(fields).map((instance) => ({
        prompt: alpacaPrompt(
          textOf(fields, 'instruction'),
          instance.input == null ? '' : textOf(instance, 'input'),
        ),
        completion: textOf(instance, 'output'),
      }))
    default:
      throw new RangeError(
        `expected "prompt" and "completion", "question" and "answer", or "instruction" and "output", got ${shown(Object.keys(fields))}`,
      )
  }
}

function instancesOf(fields: Fields): readonly Fields[] {
  if (fields.instances === undefined) return [fields]
  const isList =
    Array.isArray(fields.instances) &&
    fields.instances.every((item) => typeof item === 'object' && item !== null)
  if (isList) return fields.instances as readonly Fields[]
  throw new RangeError(`expected a list of objects "instances", got ${shown(fields.instances)}`)
}

function alpacaPrompt(instruction: string, input: string): string {
  const [paired, request] =
    input === ''
      ? ['', '']
      : [', paired with an input that provides further context', `### Input:\n${input}\n\n`]
  const task = `Below is an instruction that describes a task${paired}. Write a response that appropriately completes the request.`
  return `${task}\n\n### Instruction:\n${instruction}\n\n${request}### Response:\n`
}
