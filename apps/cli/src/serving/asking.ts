/** A request and its answer. */
export interface AskedFor {
  readonly startMs: number // of a clock that only goes forward
  readonly endMs: number
  readonly failure: string | null
}

/** Clients that ask without a pause until they are told to end. */
export interface AskingClients {
  /** Waits until so many requests were answered since the start. */
  answered(count: number): Promise<void>
  done(): readonly AskedFor[]
  /** Forgets what was asked so far. */
  forget(): void
  /** Ends after the requests that are under way. */
  end(): Promise<void>
}

/** Asks from here on, `clients` requests at once, each client one after the other. */
export function askAtOnce(url: string, clients: number, body: object): AskingClients {
  const text = JSON.stringify(body)
  let requests: AskedFor[] = []
  let isOver = false
  let total = 0
  let waiting: { readonly count: number; readonly resolve: () => void } | undefined
  const ask = async (): Promise<void> => {
    while (!isOver) {
      const startMs = performance.now()
      const failure = await answerTo(url, text)
      requests.push({ startMs, endMs: performance.now(), failure })
      total++
      if (waiting !== undefined && total >= waiting.count) waiting.resolve()
    }
  }
  const all = Promise.all(Array.from({ length: clients }, ask))
  return {
    answered: (count) =>
      new Promise((resolve) => {
        waiting = { count, resolve }
        if (total >= count) resolve()
      }),
    done: () => requests,
    forget: () => {
      requests = []
    },
    async end() {
      isOver = true
      await all
    },
  }
}

/** Null for a whole answer, else what came instead. */
async function answerTo(url: string, body: string): Promise<string | null> {
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', body, headers: { 'content-type': 'application/json' } },
    })
    const text = await response.text()
    return response.ok ? null : `${response.status}: ${text.slice(0, 200)}`
  } catch (error) {
    return (error as Error).message
  }
}
