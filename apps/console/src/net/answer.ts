import { useEffect, useState } from 'preact/hooks'
import { ApiError, get, isAbort } from './api.js'

/** What a path answered last. `data` stays while a newer answer does not come. */
export interface Answer<T> {
  readonly data: T | undefined
  readonly error: ApiError | undefined
  /** Asks now, without waiting for the next time. */
  refresh(): void
}

const LEAST_MS = 1500
const PATIENCE = 12 // times as long as an answer took, so that a large fleet is not asked all the time

/** Asks a path again and again while the page is looked at; null asks nothing. `everyMs` is how often, at most. */
export function useAnswer<T>(path: string | null, everyMs = LEAST_MS): Answer<T> {
  const [state, setState] = useState<{ path: string | null; data?: T; error?: ApiError }>({ path })
  const [asked, setAsked] = useState(0)

  useEffect(() => {
    if (path === null) return
    const leave = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const again = async () => {
      const startedMs = performance.now()
      try {
        const data = await get<T>(path, leave.signal)
        setState({ path, data })
      } catch (error) {
        if (isAbort(error)) return
        const known = error instanceof ApiError ? error : new ApiError(String(error), null, '')
        setState((before) => ({ ...(before.path === path ? before : { path }), error: known }))
        if (known.status === 401) return
      }
      if (everyMs === Number.POSITIVE_INFINITY) return
      timer = setTimeout(look, Math.max(everyMs, PATIENCE * (performance.now() - startedMs)))
    }
    const look = () => {
      clearTimeout(timer)
      if (document.visibilityState === 'visible') void again()
    }
    void again()
    document.addEventListener('visibilitychange', look)
    return () => {
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
