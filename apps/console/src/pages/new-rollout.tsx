import type { RolloutDetail, RolloutPreview, RolloutState, RolloutView } from '@lorica/protocol'
import { useEffect, useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { type ApiError, create, isAbort, post } from '../net/api.js'
import { iMay } from '../net/me.js'
import { go } from '../net/place.js'
import { Blank } from '../parts/blank.js'
import { Code } from '../parts/code.js'
import { Facts } from '../parts/figures.js'
import { Head } from '../parts/head.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { counted } from '../views/format.js'
import { firstPlan, type PlanForm, planFaults, planOfForm } from '../views/rollout-form.js'
import { linkTo } from '../views/route.js'
import type { Releases } from './releases.js'
import { RolloutFields } from './rollout-fields.js'

/** A rollout from a form: who would get the release when, and then the rollout itself. `release` is chosen first. */
export function NewRolloutPage({ release }: { readonly release: string | null }) {
  const { data } = useAnswer<Releases>('/releases', 5000)
  const [form, setForm] = useState<PlanForm>({ ...firstPlan, release: release ?? '' })
  const [isStarting, setStarting] = useState(false)
  const newest = data?.releases.findLast(({ manifest }) => manifest.round > 0)?.name
  useEffect(() => {
    if (newest !== undefined) setForm((now) => (now.release === '' ? { ...now, release: newest } : now))
  }, [newest])
  const faults = planFaults(form)
  const { data: known } = useAnswer<{ readonly rollouts: readonly RolloutView[] }>('/rollouts', 5000)
  const open = known?.rollouts.find(({ state }) => openStates.includes(state))
  const asked =
    known === undefined || open !== undefined || form.release === '' || Object.keys(faults).length > 0
      ? null
      : { release: form.release, plan: planOfForm(form) }
  const { preview, error } = usePreview(asked)

  if (!iMay('roll-out'))
    return (
      <Blank title="Operators roll releases out" isPage>
        <p>Your token is of a viewer. Ask an admin for one of an operator.</p>
      </Blank>
    )
  if (open !== undefined)
    return (
      <Blank title={`${open.release} is on its way`} isPage>
        <p>One release at a time reaches the fleet. Wait for the end of that rollout, or end it.</p>
        <a class="button first" href={linkTo('rollouts', open.rollout)}>
          To that rollout
        </a>
      </Blank>
    )
  const start = async (event: Event) => {
    event.preventDefault()
    setStarting(true)
    await act(async () => {
      const { rollout } = await create<RolloutDetail>('/rollouts', asked)
      go(linkTo('rollouts', rollout))
    }, `${form.release} begins to reach the fleet.`)
    setStarting(false)
  }
  return (
    <>
      <Head
        title="Roll a release out"
        from={{ text: 'Rollouts', href: '#/rollouts' }}
        note="The first group is small on purpose. Each group is watched before the next one gets the release."
      />
      <form class="halves" onSubmit={(event) => void start(event)}>
        <RolloutFields
          form={form}
          faults={faults}
          releases={data?.releases ?? []}
          onChange={(changed) => setForm((now) => ({ ...now, ...changed }))}
        />
        <Panel title="Who would get it when">
          <div class="stack" aria-live="polite">
            {error !== undefined && (
              <div class="banner bad">
                <span>
                  {error.code !== null && <Code code={error.code} />} {error.told}
                </span>
              </div>
            )}
            {preview !== undefined && (
              <>
                <Facts facts={groupFacts(preview)} />
                {preview.notes.map((note) => (
                  <p key={note} class="small warn">
                    {note}
                  </p>
                ))}
              </>
            )}
            <button type="submit" class="first" disabled={preview === undefined || isStarting}>
              {preview === undefined ? 'Start' : `Start: ${preview.previous} → ${preview.release}`}
            </button>
          </div>
        </Panel>
      </form>
    </>
  )
}

const openStates: readonly RolloutState[] = ['pending', 'running', 'soaking', 'paused']
const SHOWN = 6 // names of a group

function groupFacts({ groups }: RolloutPreview) {
  return groups.map(({ name, agents }, at) => {
    const more = agents.length > SHOWN ? ` and ${agents.length - SHOWN} more` : ''
    return {
      name: `${at + 1}: ${name}`,
      text: `${counted(agents.length, 'agent')}: ${agents.slice(0, SHOWN).join(', ') || 'nobody'}${more}`,
    }
  })
}

const PAUSE_MS = 400 // after the last key

function usePreview(asked: Readonly<Record<string, unknown>> | null): {
  readonly preview?: RolloutPreview
  readonly error?: ApiError
} {
  const [found, setFound] = useState<{ preview?: RolloutPreview; error?: ApiError }>({})
  const text = asked === null ? null : JSON.stringify(asked)
  useEffect(() => {
    if (text === null) return setFound({})
    const leave = new AbortController()
    const timer = setTimeout(async () => {
      try {
        setFound({ preview: await post<RolloutPreview>('/rollouts/plan', JSON.parse(text), leave.signal) })
      } catch (error) {
        if (!isAbort(error)) setFound({ error: error as ApiError })
      }
    }, PAUSE_MS)
    return () => {
      clearTimeout(timer)
      leave.abort()
    }
  }, [text])
  return found
}
