import type { AgentView, BaseView } from '@lorica/protocol'
import { Field } from '../parts/field.js'
import { Panel } from '../parts/panel.js'
import { type RunField, type RunForm, sizes } from '../views/run-form.js'
import { RunLabels } from './run-labels.js'
import { type FieldsProps, RunPromises } from './run-promises.js'

interface RunFieldsProps extends FieldsProps {
  readonly bases: readonly BaseView[]
  readonly agents: readonly AgentView[]
}

const formats = {
  text: 'Plain text',
  chat: 'Chats (messages with roles)',
  completion: 'Prompts and completions',
  classification: 'Texts with a class',
} as const

/** What a run is asked to do. */
export function RunFields({ form, faults, onChange, bases, agents }: RunFieldsProps) {
  const field = (id: RunField, label: string, hint?: string, isNumber = true) => (
    <Field
      id={`run-${id}`}
      {...{ label, hint, isNumber, fault: faults[id], value: String(form[id]) }}
      onValue={(value) => onChange({ [id]: value })}
    />
  )
  return (
    <div class="stack">
      <Panel title="What">
        <div class="stack">
          <Field
            id="run-model"
            label="Model"
            hint="A Hugging Face folder or an .onnx file on the machine of the coordinator."
            fault={faults.model}
            value={form.model}
            list={bases.map(({ path }) => path)}
            onValue={(model) => onChange({ model })}
          />
          <div class="fields">
            {field('name', 'Name of the run', 'Its number is put behind it.', false)}
            <div class="field">
              <label for="run-format">Data of the agents</label>
              <select
                id="run-format"
                value={form.format}
                onChange={({ currentTarget }) =>
                  onChange({ format: currentTarget.value as RunForm['format'] })
                }
              >
                {Object.entries(formats).map(([format, name]) => (
                  <option key={format} value={format}>
                    {name}
                  </option>
                ))}
              </select>
            </div>
            {field('maxTokens', 'Tokens of a row', 'Longer texts are cut into rows.')}
          </div>
        </div>
      </Panel>
      <Panel title="How long">
        <div class="stack">
          <div class="choices">
            {Object.entries(sizes).map(([key, { name, rounds, steps }]) => (
              <button
                key={key}
                type="button"
                class="choice"
                aria-pressed={form.rounds === rounds && form.steps === steps}
                onClick={() => onChange({ rounds, steps })}
              >
                {name}{' '}
                <span class="n">
                  {rounds} × {steps}
                </span>
              </button>
            ))}
          </div>
          <div class="fields">
            {field('rounds', 'Rounds')}
            {field('steps', 'Steps of each round')}
            {field('batch', 'Rows of a step')}
            {field('learningRate', 'Learning rate')}
            {field('rank', 'Rank of the adapter')}
          </div>
        </div>
      </Panel>
      <Panel title="Who">
        <div class="stack">
          <RunLabels agents={agents} where={form.where} onWhere={(where) => onChange({ where })} />
          <div class="fields">
            {field('where', 'Condition', 'Such as gpu.vramGiB >= 8; empty: every agent.', false)}
            {field('minimum', 'Agents at least', 'A round with fewer is not released.')}
          </div>
        </div>
      </Panel>
      <RunPromises form={form} faults={faults} onChange={onChange} />
    </div>
  )
}
