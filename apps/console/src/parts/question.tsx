import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** Something to be sure of before it is done. */
export interface Question {
  readonly title: string
  readonly text: ComponentChildren
  readonly verb: string // on the button that does it
  readonly isGrave?: boolean // it cannot be taken back
}

interface Asked extends Question {
  readonly answer: (isMeant: boolean) => void
}

const asked = signal<Asked | null>(null)

/** Asks whether something is meant; resolves with the answer. */
export function ask(question: Question): Promise<boolean> {
  asked.value?.answer(false)
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer(isMeant) {
        asked.value = null
        resolve(isMeant)
      },
    }
  })
}

/** Shows the question that is asked. */
export function QuestionBox() {
  const box = useRef<HTMLDialogElement>(null)
  const question = asked.value
  useEffect(() => {
    if (question !== null && box.current?.open === false) box.current.showModal()
  }, [question])
  if (question === null) return null
  const { title, text, verb, isGrave = false, answer } = question
  return (
    <dialog ref={box} aria-labelledby="question" onClose={() => answer(false)}>
      <div class="stack">
        <h2 id="question">{title}</h2>
        <div class="soft">{text}</div>
        <div class="row">
          <button type="button" onClick={() => answer(false)}>
            Not now
          </button>
          <button type="button" class={`first${isGrave ? ' grave' : ''}`} onClick={() => answer(true)}>
            {verb}
          </button>
        </div>
      </div>
    </dialog>
  )
}
