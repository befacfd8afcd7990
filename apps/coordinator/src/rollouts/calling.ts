/**
 * Calls webhooks: each delivery at most once at a time, with pauses between tries that grow.
 * @module
 */
import type { Clock } from '../clock.js'
import { type Delivery, type Outcome, readAnswer } from './webhook.js'

/** An answer, or why there is none. */
export type Answer =
  | { readonly kind: 'answered'; readonly text: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly mayTryAgain: boolean }

/** The webhooks that this coordinator is told of where it starts. */
export interface Webhooks {
  readonly names: readonly string[]
  /** One try; never rejects. */
  post(delivery: Delivery): Promise<Answer>
}

export interface Calling {
  /** Makes deliveries that are not under way. */
  call(rolloutId: string, deliveries: readonly Delivery[]): void
  stop(): void
}

const FIRST_PAUSE_MS = 1000

export function createCalling(
  { webhooks, clock }: { readonly webhooks?: Webhooks; readonly clock: Clock },
  onOutcome: (rolloutId: string, delivery: Delivery, outcome: Outcome & { readonly tries: number }) => void,
): Calling {
  const underWay = new Set<string>() // ids
  let isStopped = false
  const attempt = async (rolloutId: string, delivery: Delivery, tries: number): Promise<void> => {
    const { hook, id } = delivery
    const end = (outcome: Outcome): void => {
      if (isStopped) return
      underWay.delete(id)
      onOutcome(rolloutId, delivery, { ...outcome, tries })
    }
    if (!webhooks?.names.includes(hook.hook))
      return end({
        outcome: 'failed',
        code: 'LRC-3025',
        reason: 'this coordinator has no webhook of that name',
      })
    const answer = await webhooks.post(delivery)
    if (answer.kind === 'answered') return end(readAnswer(delivery, answer.text))
    if (!answer.mayTryAgain || tries >= hook.tries)
      return end({
        outcome: 'failed',
        code: 'LRC-3025',
        reason: `${answer.reason}, in ${tries} ${tries === 1 ? 'try' : 'tries'}`,
      })
    clock.after(FIRST_PAUSE_MS * 2 ** (tries - 1), () => {
      if (!isStopped) void attempt(rolloutId, delivery, tries + 1)
    })
  }
  return {
    call(rolloutId, deliveries) {
      for (const delivery of deliveries) {
        if (underWay.has(delivery.id)) continue
        underWay.add(delivery.id)
        clock.after(0, () => void attempt(rolloutId, delivery, 1))
      }
    },
    stop() {
      isStopped = true
    },
  }
}
