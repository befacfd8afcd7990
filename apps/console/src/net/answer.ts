import { useEffect, useState } from 'preact/hooks'
import { ApiError, isAbort } from './api.js'
import { read } from './list.js'
import { isTold, onNews } from './live.js'

/** What a path answered last. `data` stays while a newer answer does not come. */
export interface Answer<T> {
  readonly data: T | undefined
  readonly error: ApiError | undefined
  /** Asks now, without waiting for the next time. */
  refresh(): void
}

const LEAST_MS = 1500
const TOLD_MS = 15_000 // instead, while events tell that there is something new
const SOON_MS = 250 // after an event: there are often several
const PATIENCE = 4 // times as long as an answer took, so that a large fleet is not asked all the time

/**
 * Asks a path again and again while the page is looked at, and when an event says that there is something new; null asks nothing.
 * `everyMs` is how often, at most; Infinity: once.
 */
export function useAnswer<T>(path: string | null, everyMs = LEAST_MS): Answer<T> {
  const [state, setState] = useState<{ path: string | null; data?: T; error?: ApiError }>({ path })
  const [asked, setAsked] = useState(0)

  useEffect(() => {
    if (path === null) return
    const leave = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    let tookMs = 0
    let isAsking = false
    let isNews = false // that came while it was asked
    const again = async () => {
      const startedMs = performance.now()
      isAsking = true
      isNews = false
      try {
        const data = await read<T>(path, leave.signal)
        setState({ path, data })
      } catch (error) {
        if (isAbort(error)) return
        const known = error instanceof ApiError ? error : new ApiError(String(error), null, '')
        setState((before) => ({ ...(before.path === path ? before : { path }), error: known }))
        if (known.status === 401) return
      }
      isAsking = false
      tookMs = performance.now() - startedMs
      if (everyMs === Number.POSITIVE_INFINITY) return
      const pauseMs = isNews ? SOON_MS : isTold(path) ? Math.max(everyMs, TOLD_MS) : everyMs
      timer = setTimeout(look, Math.max(pauseMs, PATIENCE * tookMs))
    }
    const soon = () => {
      isNews = true
      if (isAsking || everyMs === Number.POSITIVE_INFINITY) return
      clearTimeout(timer)
      timer = setTimeout(look, Math.max(SOON_MS, PATIENCE * tookMs))
    }
    const look = () => {
      clearTimeout(timer)
      if (document.visibilityState === 'visible') void again()
    }
    void again()
    document.addEventListener('visibilitychange', look)
    const unlisten = onNews(path, soon)
    return () => {
      unlisten()
      leave.abort()
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', look)
    }
  }, [path, everyMs, asked])

  const isCurrent = state.path === path
  return {
    data: isCurrent ? state.data : undefined,
    error: isCurrent ? state.error : undefined,
    refresh: () => setAsked((count) => count + 1),
  }
}
