import type { AgentView, BaseView, RunView } from '@lorica/protocol'
import { useEffect, useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { type ApiError, create } from '../net/api.js'
import { iMay } from '../net/me.js'
import { go } from '../net/place.js'
import { Blank } from '../parts/blank.js'
import { Head } from '../parts/head.js'
import { say } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { linkTo } from '../views/route.js'
import {
  fieldOfProblem,
  firstForm,
  formFaults,
  type RunField,
  type RunForm,
  runFileText,
  runOfForm,
} from '../views/run-form.js'
import { RunFields } from './run-fields.js'
import { PlanPanel, usePlan } from './run-plan.js'

/** A run from a form: what is asked, what would happen, and then the run itself. */
export function NewRunPage() {
  const { data: known } = useAnswer<{ readonly bases: readonly BaseView[] }>(
    '/bases',
    Number.POSITIVE_INFINITY,
  )
  const { data: fleet } = useAnswer<{ readonly agents: readonly AgentView[] }>('/agents', 10_000)
  const [form, setForm] = useState<RunForm>(firstForm)
  const [isStarting, setStarting] = useState(false)
  const bases = known?.bases ?? []
  const first = bases[0]?.path
  useEffect(() => {
    if (first !== undefined) setForm((now) => (now.model === '' ? { ...now, model: first } : now))
  }, [first])

  const faults = formFaults(form)
  const run = Object.keys(faults).length === 0 ? runOfForm(form) : null
  const planned = usePlan(run)
  const refused = planned.error === undefined ? undefined : fieldOfProblem(planned.error.message)
  const shown: Readonly<Partial<Record<RunField, string>>> =
    refused === undefined ? faults : { ...faults, [refused]: planned.error?.message ?? '' }

  if (!iMay('start-run'))
    return (
      <Blank title="Operators start runs" isPage>
        <p>Your token is of a viewer. Ask an admin for one of an operator.</p>
      </Blank>
    )

  const start = async () => {
    setStarting(true)
    try {
      const { run: id } = await create<RunView>('/runs', run)
      say(`${id} is started.`)
      go(linkTo('runs', id))
    } catch (error) {
      const { code, told } = error as ApiError
      say([code, told].filter(Boolean).join(' '))
      setStarting(false)
    }
  }
  return (
    <>
      <Head
        title="Start a run"
        from={{ text: 'Runs', href: '#/runs' }}
        note="What is filled in suits most models. Beside it you see who would take part; nothing runs before you start it."
      />
      <form
        class="halves"
        onSubmit={(event) => {
          event.preventDefault()
          if (run !== null && planned.plan !== undefined) void start()
        }}
      >
        <RunFields
          form={form}
          faults={shown}
          bases={bases}
          agents={fleet?.agents ?? []}
          onChange={(changed) => setForm((now) => ({ ...now, ...changed }))}
        />
        <div class="stack">
          <PlanPanel planned={planned} isWhole={run !== null} isStarting={isStarting} />
          {run !== null && (
            <Panel title="The same as a run file">
              <div class="stack tight">
                <pre>{runFileText(run)}</pre>
                <span class="small faint">Saved as run.yaml: lorica run start -f run.yaml</span>
              </div>
            </Panel>
          )}
        </div>
      </form>
    </>
  )
}
