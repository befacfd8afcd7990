import { useEffect, useState } from 'preact/hooks'

/** The time, which goes on every `everyMs`. */
export function useNowMs(everyMs = 5000): number {
  const [nowMs, setNowMs] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return nowMs
}
