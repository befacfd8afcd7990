import type { Tokenizer } from '../train/tokens.js'
import { answeredExample } from './answered.js'
import type { ChatTemplate, Message } from './chat-template.js'
import type { Example } from './example.js'
import { type Fields, shown } from './fields.js'

interface ChatReader {
  readonly tokenizer: Tokenizer
  readonly template: ChatTemplate
  readonly columns: number
}

/**
 * A conversation, `messages` of { role, content }, as an example whose loss counts on the assistant's answers only.
 * RangeError says which message is not one, or that nobody answers.
 */
export function readChat(fields: Fields, { tokenizer, template, columns }: ChatReader): Example {
  const messages = messagesOf(fields)
  if (!messages.some(({ role }) => role === 'assistant'))
    throw new RangeError(
      `expected a message of the assistant to learn from, got ${shown(messages.map(({ role }) => role))}`,
    )
  return answeredExample(template.render(messages, fields.tools), tokenizer, columns)
}

function messagesOf({ messages }: Fields): readonly Message[] {
  if (!Array.isArray(messages) || messages.length === 0)
    throw new RangeError(`expected a list "messages" of role and content, got ${shown(messages)}`)
  for (const [at, message] of messages.entries()) {
    const { role, content } = (message ?? {}) as Partial<Message>
    if (typeof role === 'string' && (typeof content === 'string' || role === 'assistant')) continue
    throw new RangeError(
      `message ${at + 1} expected a text "role" and a text "content", got ${shown(message)}`,
    )
  }
  return messages
}
