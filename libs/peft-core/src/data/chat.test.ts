import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openTokenizer } from '../train/tokens.js'
import { readChat } from './chat.js'
import { createChatTemplate } from './chat-template.js'

const tokenizer = await openTokenizer(fileURLToPath(new URL('../../../../models/moby-dick', import.meta.url)))
const special = { eos_token: '<|endoftext|>' }
const messages = [
  { role: 'system', content: 'You are a whale.' },
  { role: 'user', content: 'Call me?' },
  { role: 'assistant', content: ' Ishmael, some years ago. ' },
  { role: 'user', content: 'And then?' },
  { role: 'assistant', content: 'The sea.\nAgain.' },
]
const learned = (labels: readonly number[]): string =>
  tokenizer.decode(
    labels.filter((label) => label >= 0),
    { specialTokens: true },
  )

const marked = `{%- for message in messages %}
    {%- if message['role'] == 'assistant' %}
<|a|>
        {% generation %}
{{ message['content'] | trim }}{{ eos_token }}
        {%- endgeneration %}
    {%- else %}
{{ '<|' + message['role'] + '|>' + message['content'] }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|a|>{% endif %}
`

// transformers 5.18: apply_chat_template(messages, tokenize=True, return_assistant_tokens_mask=True)
const ids = [
  28, 92, 83, 89, 307, 417, 92, 30, 57, 274, 471, 259, 369, 14, 28, 92, 445, 268, 92, 30, 35, 389, 396, 31,
  28, 92, 65, 92, 30, 199, 41, 861, 77, 65, 440, 12, 448, 476, 596, 494, 79, 14, 0, 28, 92, 445, 268, 92, 30,
  33, 267, 478, 31, 28, 92, 65, 92, 30, 199, 677, 548, 14, 199, 33, 71, 345, 14, 0,
]
const answers = [
  [30, 43],
  [59, 68],
] as const

test('answers between the marks of a template are learned, as transformers has them', () => {
  const template = createChatTemplate(marked, special)
  const example = readChat({ messages }, { tokenizer, template, columns: 100 })
  expect(example.ids).toEqual(ids)
  const isAnswer = (at: number): boolean => answers.some(([start, end]) => at >= start && at < end)
  expect(example.labels).toEqual(ids.map((id, at) => (isAnswer(at) ? id : -100)))
})

const plain =
  "{% for m in messages %}{{ '<|' + m['role'] + '|>\\n' + m['content'] + eos_token + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"

test('without marks an answer is what its message adds after the prompt for it', () => {
  const template = createChatTemplate(plain, special)
  const { labels, isCut } = readChat({ messages }, { tokenizer, template, columns: 100 })
  expect(learned(labels)).toBe(' Ishmael, some years ago. <|endoftext|>\nThe sea.\nAgain.<|endoftext|>\n')
  expect(isCut).toBe(false)
  const cut = readChat({ messages }, { tokenizer, template, columns: 48 })
  expect([cut.ids.length, cut.labels.length, cut.isCut]).toEqual([48, 48, true])
  expect(learned(cut.labels)).toMatch(/^ Ishmael/)
})

test('a template that writes an answer differently when more follows is refused', () => {
  const template = createChatTemplate(
    "{% for m in messages %}{{ m['role'] + ('!' if loop.last else '') + m['content'] }}{% endfor %}",
    special,
  )
  expect(() => readChat({ messages }, { tokenizer, template, columns: 100 })).toThrow(
    'message 3: expected a chat',
  )
})

test('a conversation that is none is refused by the message that is wrong', () => {
  const template = createChatTemplate(plain, special)
  const read = (fields: Record<string, unknown>) => () =>
    readChat(fields, { tokenizer, template, columns: 9 })
  expect(read({ messages: 'hello' })).toThrow('expected a list "messages" of role and content, got "hello"')
  expect(read({ messages: [messages[0], { role: 'user' }] })).toThrow('message 2 expected a text "role"')
  expect(read({ messages: messages.slice(0, 2) })).toThrow('expected a message of the assistant')
  const strict = createChatTemplate("{{ raise_exception('roles must alternate') }}", special)
  expect(() => readChat({ messages }, { tokenizer, template: strict, columns: 9 })).toThrow(
    'roles must alternate',
  )
})

test('a template that is no template is refused as such', () => {
  expect(() => createChatTemplate('{% for m in %}', special)).toThrow(
    "the tokenizer's chat template is not one that can be read",
  )
})
