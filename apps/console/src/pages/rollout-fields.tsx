import type { ReleaseView } from '@lorica/protocol'
import { Field } from '../parts/field.js'
import { Panel } from '../parts/panel.js'
import { loss } from '../views/format.js'
import type { PlanField, PlanForm } from '../views/rollout-form.js'

interface FieldsProps {
  readonly form: PlanForm
  readonly faults: Readonly<Partial<Record<PlanField, string>>>
  readonly releases: readonly ReleaseView[]
  readonly onChange: (changed: Partial<PlanForm>) => void
}

/** What is rolled out, and how carefully. */
export function RolloutFields({ form, faults, releases, onChange }: FieldsProps) {
  return (
    <Panel title="The plan">
      <div class="stack">
        <div class="field">
          <label for="plan-release">Release</label>
          <select
            id="plan-release"
            value={form.release}
            onChange={({ currentTarget }) => onChange({ release: currentTarget.value })}
          >
            {releases.toReversed().map(({ name, manifest }) => (
              <option key={name} value={name}>
                {name} · {manifest.runName}{' '}
                {manifest.round === 0 ? 'the base as it is' : `round ${manifest.round}`} · loss{' '}
                {loss(manifest.evaluation.loss)}
              </option>
            ))}
          </select>
        </div>
        <Field
          id="plan-groups"
          label="Groups"
          hint="Numbers of agents, or shares of the fleet; each with those before it."
          fault={faults.groups}
          value={form.groups}
          onValue={(groups) => onChange({ groups })}
        />
        <div class="fields">
          <Field
            id="plan-soak"
            label="Minutes that each is watched"
            fault={faults.soakMinutes}
            value={form.soakMinutes}
            isNumber
            onValue={(soakMinutes) => onChange({ soakMinutes })}
          />
          <Field
            id="plan-loss"
            label="Loss worse by, percent"
            hint="More than that fails, and it goes back."
            fault={faults.lossPercent}
            value={form.lossPercent}
            isNumber
            onValue={(lossPercent) => onChange({ lossPercent })}
          />
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={form.pauses}
            onChange={({ currentTarget }) => onChange({ pauses: currentTarget.checked })}
          />
          <span>I promote each group myself</span>
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={form.approval}
            onChange={({ currentTarget }) => onChange({ approval: currentTarget.checked })}
          />
          <span>Somebody approves it before it begins</span>
        </label>
      </div>
    </Panel>
  )
}
