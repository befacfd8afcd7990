/**
 * Conversations as the text that a model was trained on, by the template that comes with its tokenizer.
 * Format: https://huggingface.co/docs/transformers/chat_templating
 * @module
 */
import { Template } from '@huggingface/jinja'
import type { AnsweredText } from './answered.js'

export interface Message {
  readonly role: string
  readonly content: unknown
  readonly [field: string]: unknown
}

export interface ChatTemplate {
  /** The conversation with the places of the assistant's answers. RangeError when the template refuses it. */
  render(messages: readonly Message[], tools?: unknown): AnsweredText
  /** The conversation up to where the assistant's next answer begins. RangeError when the template refuses it. */
  prompt(messages: readonly Message[]): string
}

type SpecialTokens = Readonly<Record<string, string>>

/** Stand for `{% generation %}` and its end while a template is rendered; private characters that no text should hold. */
const START = '\u{F8E0}\u{F8E1}'
const END = '\u{F8E1}\u{F8E0}'

/**
 * A template of Jinja's language. `specialTokens` are variables such as `bos_token`. Answers lie between
 * `{% generation %}` and `{% endgeneration %}` where the template has them; else an answer is what a message of the
 * assistant adds to the conversation before it, which ends with the prompt for an answer.
 */
export function createChatTemplate(source: string, specialTokens: SpecialTokens): ChatTemplate {
  const isMarked = /{%-?\s*generation\s*-?%}/.test(source)
  const template = parsed(isMarked ? withMarks(source) : source)
  const render = (messages: readonly Message[], options: Readonly<Record<string, unknown>>): string => {
    try {
      return template.render({ ...specialTokens, messages, ...options })
    } catch (cause) {
      throw new RangeError(`the chat template refuses the conversation: ${(cause as Error).message}`, {
        cause,
      })
    }
  }
  return {
    prompt: (messages) =>
      render(messages, { add_generation_prompt: true }).replaceAll(START, '').replaceAll(END, ''),
    render(messages, tools) {
      const options = tools === undefined ? {} : { tools }
      const text = render(messages, { ...options, add_generation_prompt: false })
      if (isMarked) return markedText(text)
      const turns = messages.flatMap(({ role }, at) => (role === 'assistant' ? [at] : []))
      const answers = turns.map((at) => {
        const before = render(messages.slice(0, at), { ...options, add_generation_prompt: true })
        const after = render(messages.slice(0, at + 1), { ...options, add_generation_prompt: false })
        return answerBetween({ text, before, after, isLast: at === messages.length - 1 }, at)
      })
      return { text, answers, specialTokens: false, ends: false }
    },
  }
}

function parsed(source: string): Template {
  try {
    return new Template(source)
  } catch (cause) {
    const { message } = cause as Error
    throw new RangeError(`the tokenizer's chat template is not one that can be read: ${message}`, { cause })
  }
}

interface Renderings {
  readonly text: string // of the whole conversation
  readonly before: string // up to the prompt for the answer
  readonly after: string // up to the end of the answer
  readonly isLast: boolean
}

function answerBetween({ text, before, after, isLast }: Renderings, at: number) {
  if (text.startsWith(before) && (isLast || text.startsWith(after)))
    return { start: before.length, end: isLast ? text.length : after.length }
  throw new RangeError(
    `message ${at + 1}: expected a chat template that writes a message the same whatever follows it, or marks answers with {% generation %}; give conversations of one answer`,
  )
}

/** Replaces the tags of generation by texts; a tag of its own takes the indent before it and the line end after it away. */
function withMarks(source: string): string {
  return source.replaceAll(
    /(^[ \t]*)?{%(-?)\s*(end)?generation\s*(-?)%}\n?/gm,
    (_, __, left: string, end: string | undefined, right: string) =>
      `{{${left} '${end === undefined ? START : END}' ${right}}}`,
  )
}

function markedText(marked: string): AnsweredText {
  const answers: { start: number; end: number }[] = []
  let text = ''
  for (const [at, part] of marked.split(START).entries()) {
    const [answer = '', ...rest] = part.split(END)
    if (at > 0) answers.push({ start: text.length, end: text.length + answer.length })
    text += answer + rest.join('')
  }
  return { text, answers, specialTokens: false, ends: false }
}
