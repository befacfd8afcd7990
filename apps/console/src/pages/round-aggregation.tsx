import type { AggregatedAgent, AggregatedModule, AggregationView } from '@lorica/protocol'
import { Facts } from '../parts/figures.js'
import { ModuleName } from '../parts/module-name.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { evenPercent, percent } from '../views/format.js'
import { linkTo } from '../views/route.js'

/** How the candidate of a round was made of the updates, by agent and by module. */
export function AggregationPanels({ view }: { readonly view: AggregationView }) {
  const { strategy, error, averagedError, agreement, notes, agents, modules, rule, optimizer } = view
  return (
    <>
      <Panel title="How the candidate was made">
        <Facts
          facts={[
            { name: 'Strategy', text: rule ? `${strategy} after ${rule.rule}` : strategy },
            ...(error === null && averagedError === null
              ? []
              : [
                  {
                    name: 'Error',
                    text: `${evenPercent(error)}; averaging A and B would be ${evenPercent(averagedError)} off`,
                  },
                ]),
            ...(agreement === null
              ? []
              : [
                  {
                    name: 'Agreement',
                    text: `mean cosine ${agreement.mean.toFixed(3)} of two updates, least ${agreement.least.toFixed(3)}`,
                  },
                ]),
            ...(optimizer === undefined ? [] : [{ name: 'Then', text: `a step of ${optimizer}` }]),
            ...notes.map((note) => ({ name: 'Note', text: note })),
          ]}
        />
      </Panel>
      <div class="evens">
        {agents.length > 0 && (
          <Panel title="What each agent brought" isBare>
            <Table
              label="Agents"
              columns={ofAgents}
              rows={agents}
              keyOf={({ agentId }) => agentId}
              size={15}
            />
          </Panel>
        )}
        {modules.length > 0 && (
          <Panel title="What changed in the model" isBare>
            <Table
              label="Modules"
              columns={ofModules}
              rows={modules}
              keyOf={({ module }) => module}
              size={15}
            />
          </Panel>
        )}
      </div>
    </>
  )
}

const figure = (value: number | null): string => (value === null ? '-' : value.toPrecision(3))

const ofAgents: readonly Column<AggregatedAgent>[] = [
  {
    head: 'Agent',
    order: (a, b) => (a.name < b.name ? -1 : 1),
    cell: ({ name, agentId }) => (
      <a class="lead" href={linkTo('fleet', agentId)}>
        {name}
      </a>
    ),
  },
  { head: 'Share', isEnd: true, order: (a, b) => a.share - b.share, cell: ({ share }) => percent(share) },
  {
    head: 'Change',
    isEnd: true,
    order: (a, b) => (a.change ?? 0) - (b.change ?? 0),
    cell: ({ change }) => figure(change),
  },
  {
    head: 'Cosine',
    isEnd: true,
    order: (a, b) => (a.cosine ?? 0) - (b.cosine ?? 0),
    cell: ({ cosine }) => (
      <span class={cosine !== null && cosine < 0 ? 'bad' : undefined}>{cosine?.toFixed(3) ?? '-'}</span>
    ),
  },
]

const ofModules: readonly Column<AggregatedModule>[] = [
  {
    head: 'Module',
    order: (a, b) => (a.module < b.module ? -1 : 1),
    cell: ({ module }) => <ModuleName name={module} />,
  },
  { head: 'Change', isEnd: true, order: (a, b) => a.change - b.change, cell: ({ change }) => figure(change) },
  {
    head: 'Error',
    isEnd: true,
    order: (a, b) => (a.error ?? 0) - (b.error ?? 0),
    cell: ({ error }) => evenPercent(error),
  },
]
