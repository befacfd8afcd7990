/** How many tokens a request took. */
export interface Usage {
  readonly prompt: number
  readonly completion: number
}

export const usageBody = ({ prompt, completion }: Usage) => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
})
