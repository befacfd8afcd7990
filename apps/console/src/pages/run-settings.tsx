import type { RunView } from '@lorica/protocol'
import { Facts } from '../parts/figures.js'
import { Panel } from '../parts/panel.js'
import { counted, moment } from '../views/format.js'
import { runFileText } from '../views/run-form.js'

/** What a run was asked to do. */
export function SettingsPanel({ run }: { readonly run: RunView }) {
  const { spec, base } = run
  const { dp } = spec.privacy
  return (
    <Panel title="What it was asked">
      <div class="stack">
        <Facts
          facts={[
            { name: 'Base', text: `${base.name} (${base.sha256.slice(0, 12)})` },
            { name: 'Trains', text: `LoRA of rank ${spec.peft.rank} on ${targetsText(spec.peft.targets)}` },
            {
              name: 'Each round',
              text: `${counted(spec.local.steps, 'step')} of ${spec.local.batch} × ${spec.data.maxTokens} tokens, learning rate ${spec.local.learningRate}`,
            },
            {
              name: 'Agents',
              text: spec.rounds.where ?? `all that are there, at least ${spec.rounds.minimum}`,
            },
            {
              name: 'Sees',
              text:
                spec.aggregate.trust === 'private'
                  ? 'the coordinator sees only the sum of the updates'
                  : 'the coordinator sees each update',
            },
            {
              name: 'Noise',
              text:
                dp === undefined
                  ? 'none: nothing is promised about single sites'
                  : `protects each ${dp.unit} (delta ${dp.delta})`,
            },
            { name: 'Started', text: moment(run.createdAt) },
          ]}
        />
        <details>
          <summary>Every setting, defaults included</summary>
          <pre>{runFileText(spec)}</pre>
        </details>
      </div>
    </Panel>
  )
}

const targetsText = (targets: string | readonly string[]): string =>
  typeof targets === 'string' ? 'all linear layers' : targets.join(', ')
