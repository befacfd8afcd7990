/**
 * The processes of a load: each is asked one thing at a time, and answers with one value.
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** A process that answers questions. */
export interface Child extends AsyncDisposable {
  readonly process: ChildProcess
  /** Sends a question and resolves with the answer. Throws what the process reports, or that it ended. */
  ask<T>(question: object): Promise<T>
}

/** How a process is started. */
export interface ChildOptions {
  readonly args?: readonly string[]
  readonly nodeArgs?: readonly string[]
  readonly silent?: boolean // its stdout is read by the caller; its stderr is kept for the error
}

/** Starts `module` as a process of its own that ends with the caller. */
export function startChild(module: string | URL, { args = [], nodeArgs = [] }: ChildOptions = {}): Child {
  const child = fork(module, [...args], {
    execArgv: [...nodeArgs],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>()
  let lastId = 0
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  child.on('message', ({ id, result, error }: { id: number; result?: unknown; error?: string }) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(result as never)
    else asked?.reject(new Error(error))
  })
  child.once('exit', (code, signal) => {
    const error = new Error(`a process of the load ended with ${code ?? signal}: ${said}`)
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  })
  return {
    process: child,
    ask: (question) =>
      new Promise((resolve, reject) => {
        if (child.exitCode !== null || child.signalCode !== null) {
          reject(new Error(`a process of the load ended with ${child.exitCode ?? child.signalCode}: ${said}`))
          return
        }
        const id = lastId++
        waiting.set(id, { resolve, reject })
        child.send({ ...question, id })
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const gone = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(timer)
    },
  }
}

/** Answers the questions of the parent with what `act` makes of them; the other end of `startChild`. */
export function answerParent<Q extends object>(act: (question: Q) => Promise<unknown>): void {
  process.on('message', (question: Q & { readonly id: number }) => {
    const { id } = question
    act(question).then(
      (result) => process.send?.({ id, result: result ?? null }),
      (error: Error) => process.send?.({ id, error: error.message }),
    )
  })
  process.on('disconnect', () => process.exit(0))
}
