import type { ChatTemplate } from '@lorica/peft-core'
import { invalid } from '../api/api-error.js'
import { chatBody, chatChunk, chatStart, chatUsage } from '../api/chat-body.js'
import type { ChatRequest } from '../api/chat-request.js'
import type { ReplyContext } from './completion-reply.js'
import { answeredBy, answers, type Desk, expectRoom, type Reply } from './reply.js'

/** Answers a conversation. ApiError when the model has no template for conversations, it refuses this one, or there is no room. */
export function chatReply(
  desk: Desk & { readonly template: ChatTemplate | undefined },
  request: ChatRequest,
  context: ReplyContext,
): Reply {
  const { sampling, maxTokens, alternatives, streams } = request
  const prompts = [desk.tokenizer.encode(promptText(desk.template, request))]
  expectRoom(desk, { prompts, ...(maxTokens === undefined ? {} : { maxTokens }) })
  const answered = answeredBy(context.id, context.model, context.nowMs)
  return {
    streams,
    async run(emit) {
      if (streams) for (let index = 0; index < sampling.choices; index++) emit(chatStart(answered, index))
      const asked = {
        ...context,
        prompts,
        sampling,
        ...(maxTokens === undefined ? {} : { maxTokens }),
        ...(alternatives === undefined ? {} : { alternatives }),
      }
      const ended = await answers(desk, asked, (index, piece) => {
        if (streams) emit(chatChunk(answered, index, piece))
      })
      if (ended === undefined) return undefined
      const { pieces, usage } = ended
      if (streams && request.streamsUsage) emit(chatUsage(answered, usage))
      return chatBody(answered, pieces, usage)
    },
  }
}

function promptText(template: ChatTemplate | undefined, { messages }: ChatRequest): string {
  if (template === undefined) {
    throw invalid(
      'this model has no template for conversations (chat_template in tokenizer_config.json); use /v1/completions, or serve it with one',
      { code: 'no_chat_template' },
    )
  }
  try {
    return template.prompt(messages)
  } catch (cause) {
    throw invalid(`"messages": ${(cause as Error).message}`, { param: 'messages' })
  }
}
