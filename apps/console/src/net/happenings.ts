import type { RunEvent } from '@lorica/protocol'
import { useEffect, useState } from 'preact/hooks'
import { isAbort, lines } from './api.js'

const AGAIN_MS = 1000
const SHOWN_MS = 200 // events come faster than anybody reads

/**
 * Folds the events of a run into a state as they come, through restarts of the coordinator, until the run ends or `runId` changes.
 * `step` is pure; `start` is the state before the first event.
 */
export function useHappenings<State>(
  runId: string | null,
  start: State,
  step: (state: State, event: RunEvent) => State,
): State {
  const [state, setState] = useState(start)

  useEffect(() => {
    if (runId === null) return
    const leave = new AbortController()
    let current = start
    let shown = start
    let after = 0
    let isOver = false
    const timer = setInterval(() => {
      if (shown !== current) {
        shown = current
        setState(current)
      }
    }, SHOWN_MS)
    const follow = async () => {
      while (!leave.signal.aborted && !isOver) {
        try {
          const path = `/runs/${encodeURIComponent(runId)}/events?after=${after}`
          for await (const event of lines<RunEvent>(path, leave.signal)) {
            after = Math.max(after, event.seq)
            current = step(current, event)
            isOver ||= event.type === 'run-ended'
          }
        } catch (error) {
          if (isAbort(error) || (error as { status?: number }).status === 401) return
        }
        if (!isOver) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
      }
    }
    void follow()
    return () => {
      leave.abort()
      clearInterval(timer)
    }
  }, [runId])

  return state
}
