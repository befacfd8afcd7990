import { signal } from '@preact/signals'
import { ApiError } from '../net/api.js'

const SHOWN_MS = 6000

const notice = signal('')
let timer: ReturnType<typeof setTimeout> | undefined

/** Says for a moment that something was done, or why not. */
export function say(text: string): void {
  clearTimeout(timer)
  notice.value = text
  timer = setTimeout(() => {
    notice.value = ''
  }, SHOWN_MS)
}

/** Does something and says how that went; resolves with whether it was done. */
export async function act(deed: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await deed()
    say(done)
    return true
  } catch (error) {
    const { code, told } =
      error instanceof ApiError ? error : new ApiError((error as Error).message, null, '')
    say([code, told].filter(Boolean).join(' '))
    return false
  }
}

/** Where notices show. */
export function NoticeLine() {
  return (
    <div class="toast" role="status" aria-live="polite">
      {notice.value}
    </div>
  )
}
