import type { GuardFinding } from '@lorica/protocol'
import { Badge } from '../parts/badge.js'
import { BandDrawing } from '../parts/band.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { guardValue, type ShownGuard } from '../views/guard-value.js'
import { bandOf } from '../views/metric-band.js'
import { verdictTone } from '../views/rollout-state.js'

/** What each guard found of a candidate beside the adapter before: its band, its verdict, and whether it decides. */
export function GuardsPanel({ guards }: { readonly guards: readonly ShownGuard[] }) {
  if (guards.length === 0) return null
  return (
    <Panel title="Guards" note="The candidate beside the adapter before, as agents measured both" isBare>
      <Table label="Guards" columns={columns} rows={guards} keyOf={keyOf} />
    </Panel>
  )
}

const keyOf = ({ metric, of, mode, allowed }: ShownGuard): string => `${metric} ${of} ${mode} ${allowed}`
const tone = ({ verdict }: Pick<GuardFinding, 'verdict'>) => verdictTone[verdict]
const whose = ({ of, agentId, group }: ShownGuard): string => {
  if (of === 'all') return ''
  return `, ${agentId?.slice(0, 12) ?? (group === undefined ? of : `${of} ${group || '(none)'}`)}`
}

const columns: readonly Column<ShownGuard>[] = [
  {
    head: 'Metric',
    cell: (guard) => (
      <>
        {guard.metric}
        {whose(guard)}
        {guard.mode === 'dry-run' && <div class="small faint">dry run: it decides nothing</div>}
      </>
    ),
  },
  { head: 'Verdict', cell: (guard) => <Badge tone={tone(guard)} text={guard.verdict} /> },
  {
    head: 'Worse by',
    when: 'wide',
    cell: (guard) => {
      const { metric, interval, value, before, allowed } = guard
      const difference =
        value === null || before === null ? null : (value - before) * (metric === 'accuracy' ? -1 : 1)
      const { low, high } = interval ?? { low: difference, high: difference }
      const band = bandOf({ low, high, difference, tolerated: allowed })
      if (band === null) return <span class="small soft">not known</span>
      const label = `worse by ${guardValue(metric, low)} to ${guardValue(metric, high)}, ${guardValue(metric, allowed)} allowed`
      return <BandDrawing band={band} tone={tone(guard)} label={label} />
    },
  },
  { head: 'Before', isEnd: true, cell: ({ metric, before }) => guardValue(metric, before) },
  { head: 'Now', isEnd: true, cell: ({ metric, value }) => guardValue(metric, value) },
  {
    head: 'Allowed',
    isEnd: true,
    when: 'widest',
    cell: ({ metric, allowed }) => guardValue(metric, allowed),
  },
  { head: 'Seen', isEnd: true, when: 'widest', cell: ({ examples }) => examples ?? '-' },
]
