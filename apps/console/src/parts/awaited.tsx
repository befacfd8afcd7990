import type { ComponentChildren } from 'preact'
import type { Answer } from '../net/answer.js'
import { linkTo, routeOf, sectionOf } from '../views/route.js'
import { Code } from './code.js'

interface AwaitedProps<T> {
  readonly answer: Answer<T>
  readonly children: (data: T) => ComponentChildren
}

/** What an answer is shown as, once it is there; what went wrong until then, or since. */
export function Awaited<T>({ answer: { data, error }, children }: AwaitedProps<T>) {
  const section = sectionOf(routeOf(location.hash))
  return (
    <>
      {error !== undefined && (
        <div class={`banner ${data === undefined ? 'bad' : 'warn'}`} role="status">
          <span>
            {error.code !== null && <Code code={error.code} />} {error.told}
          </span>
          {data === undefined && section !== undefined && <a href={linkTo(section)}>To all {section}</a>}
        </div>
      )}
      {data !== undefined && children(data)}
      {data === undefined && error === undefined && <p class="faint">Asking the coordinator…</p>}
    </>
  )
}
