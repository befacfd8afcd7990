import { setTimeout as pause } from 'node:timers/promises'

const PAUSE_MS = 200 // between an answer and the next request

/** A client that asks a program which serves, one request after the other, until it is told to end. */
export interface Asking {
  /** The releases that answered, in order, without repetitions; a failure is a line of its own. */
  answered(): readonly string[]
  /** The release that answered last. */
  last(): string | undefined
  count(): number
  /** Forgets all but the release that answered last. */
  begin(): void
  end(): Promise<void>
}

export function askWithout(url: string): Asking {
  let answers: string[] = []
  let asked = 0
  let isOver = false
  const body = JSON.stringify({ model: 'champion', prompt: 'In the year', max_tokens: 2, temperature: 0 })
  const ask = async (): Promise<string> => {
    const response = await fetch(`${url}/v1/completions`, {
      ...{ method: 'POST', body, headers: { 'content-type': 'application/json' } },
    })
    if (!response.ok) return `${response.status} ${await response.text()}`
    return ((await response.json()) as { readonly system_fingerprint: string }).system_fingerprint
  }
  const asking = (async () => {
    while (!isOver) {
      const answer = await ask().catch((error: Error) => `no answer: ${error.message}`)
      asked++
      if (answers.at(-1) !== answer) answers.push(answer)
      await pause(PAUSE_MS)
    }
  })()
  return {
    answered: () => answers,
    last: () => answers.at(-1),
    count: () => asked,
    begin: () => {
      answers = answers.slice(-1)
    },
    async end() {
      isOver = true
      await asking
    },
  }
}
