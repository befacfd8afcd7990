import type { PlanView } from '@lorica/protocol'
import { useEffect, useState } from 'preact/hooks'
import { type ApiError, isAbort, post } from '../net/api.js'
import { Badge } from '../parts/badge.js'
import { Code } from '../parts/code.js'
import { Facts } from '../parts/figures.js'
import { Panel } from '../parts/panel.js'
import { counted } from '../views/format.js'
import { leftOut, planFacts } from '../views/plan-facts.js'
import { fateTone } from '../views/tone.js'

/** What the coordinator says of a run before it is started. */
export interface Planned {
  readonly plan?: PlanView
  readonly error?: ApiError
  readonly isAsked: boolean
}

const PAUSE_MS = 400 // after the last key
const AGAIN_MS = 5000 // agents come and go

/** Asks the coordinator what would come of a run, whenever that changes, and again as agents come and go. */
export function usePlan(run: Readonly<Record<string, unknown>> | null): Planned {
  const [planned, setPlanned] = useState<Planned>({ isAsked: false })
  const text = run === null ? null : JSON.stringify(run)
  useEffect(() => {
    if (text === null) return setPlanned({ isAsked: false })
    const leave = new AbortController()
    const ask = async (): Promise<void> => {
      try {
        setPlanned({
          plan: await post<PlanView>('/runs/plan', JSON.parse(text), leave.signal),
          isAsked: false,
        })
      } catch (error) {
        if (!isAbort(error)) setPlanned({ error: error as ApiError, isAsked: false })
      }
      if (!leave.signal.aborted) timer = setTimeout(ask, AGAIN_MS)
    }
    let timer = setTimeout(() => {
      setPlanned((before) => ({ ...before, isAsked: true }))
      void ask()
    }, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      leave.abort()
    }
  }, [text])
  return planned
}

interface PlanProps {
  readonly planned: Planned
  readonly isWhole: boolean // nothing is missing in the form
  readonly isStarting: boolean
}

/** The plan of a run, and the button that starts it. */
export function PlanPanel({ planned: { plan, error, isAsked }, isWhole, isStarting }: PlanProps) {
  return (
    <Panel title="What would happen" note={isAsked ? 'asking…' : undefined}>
      <div class="stack" aria-live="polite">
        {error !== undefined && (
          <div class="banner bad">
            <span>
              {error.code !== null && <Code code={error.code} />} {error.told}
            </span>
          </div>
        )}
        {!isWhole && (
          <p class="soft">Fill in what is marked; then the coordinator says what would come of it.</p>
        )}
        {plan !== undefined && (
          <>
            <Facts facts={planFacts(plan)} />
            {!plan.ready && (
              <div class="banner warn">
                It would wait: at least {counted(plan.spec.rounds.minimum, 'agent')} must be able to take
                part.
              </div>
            )}
            {leftOut(plan.agents)
              .slice(0, 6)
              .map(({ fate, reason, names }) => (
                <div key={`${fate} ${reason}`} class="small">
                  <Badge tone={fateTone[fate as keyof typeof fateTone]} text={`${names.length} ${fate}`} />{' '}
                  <span class="soft">
                    {names.slice(0, 4).join(', ')}
                    {names.length > 4 && ` and ${names.length - 4} more`}
                    {reason !== '' && `: ${reason}`}
                  </span>
                </div>
              ))}
          </>
        )}
        {plan === undefined && error === undefined && isWhole && <p class="faint">Asking the coordinator…</p>}
        <button type="submit" class="first" disabled={plan === undefined || isStarting}>
          {isStarting ? 'Starting…' : plan?.ready === false ? 'Start, and wait for agents' : 'Start the run'}
        </button>
      </div>
    </Panel>
  )
}
