import { Field } from '../parts/field.js'
import { Panel } from '../parts/panel.js'
import type { RunField, RunForm } from '../views/run-form.js'

export interface FieldsProps {
  readonly form: RunForm
  readonly faults: Readonly<Partial<Record<RunField, string>>>
  readonly onChange: (changed: Partial<RunForm>) => void
}

const FEWEST_SUMMED = 3 // a sum of two tells each of them about the other

/** What the agents are promised, and what the candidate has to keep. */
export function RunPromises({ form, faults, onChange }: FieldsProps) {
  const isSummed = form.seen === 'sums'
  const summed = (seen: 'updates' | 'sums') => {
    const minimum = String(Math.max(FEWEST_SUMMED, Number(form.minimum) || 1))
    onChange(seen === 'sums' ? { seen, minimum } : { seen })
  }
  return (
    <Panel title="Promises">
      <div class="stack">
        <label class="check">
          <input
            type="checkbox"
            checked={isSummed}
            onChange={({ currentTarget }) => summed(currentTarget.checked ? 'sums' : 'updates')}
          />
          <span>
            The coordinator sees only the sum of the updates
            <span class="small faint"> — secure aggregation; at least {FEWEST_SUMMED} agents</span>
          </span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={form.isNoisy}
            onChange={({ currentTarget }) => onChange({ isNoisy: currentTarget.checked })}
          />
          <span>
            Noise protects each site
            <span class="small faint"> — differential privacy; the fewer sites, the more it costs</span>
          </span>
        </label>
        <div class="fields">
          {(isSummed || form.isNoisy) && (
            <Field
              id="run-clip"
              label="Clip"
              hint="The L2 norm that an update has at most."
              fault={faults.clip}
              value={form.clip}
              isNumber
              onValue={(clip) => onChange({ clip })}
            />
          )}
          {form.isNoisy && (
            <Field
              id="run-epsilon"
              label="Epsilon of the run"
              hint="Smaller keeps more to each site; delta is 0.00001."
              fault={faults.epsilon}
              value={form.epsilon}
              isNumber
              onValue={(epsilon) => onChange({ epsilon })}
            />
          )}
          {!form.isNoisy && (
            <Field
              id="run-guard"
              label="Guard, percent"
              hint="A candidate whose loss is worse by more is not released."
              fault={faults.guard}
              value={form.guard}
              isNumber
              onValue={(guard) => onChange({ guard })}
            />
          )}
        </div>
      </div>
    </Panel>
  )
}
