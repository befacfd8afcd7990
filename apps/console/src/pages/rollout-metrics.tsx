import type { MetricView, RolloutView } from '@lorica/protocol'
import { Badge } from '../parts/badge.js'
import { BandDrawing } from '../parts/band.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { count, duration, percent } from '../views/format.js'
import { bandOf, metricName } from '../views/metric-band.js'
import { verdictTone } from '../views/rollout-state.js'

interface MetricsProps {
  readonly metrics: readonly MetricView[]
  readonly plan: RolloutView['plan']
}

/** The release beside the champion, by each metric: the interval of the difference, and what is tolerated. */
export function MetricsPanel({ metrics, plan }: MetricsProps) {
  return (
    <Panel
      title="Beside the champion"
      note={`Intervals hold at any look: a false alarm has a chance of ${percent(plan.alpha)} over the whole rollout`}
      isBare={metrics.length > 0}
    >
      {metrics.length === 0 ? (
        <p class="soft">
          Nothing is compared yet. It begins with the first group, and each group is watched for{' '}
          {duration(plan.soakMs / 1000)}.
        </p>
      ) : (
        <Table
          label="Metrics"
          columns={columns}
          rows={metrics}
          keyOf={({ metric, of }) => `${metric} ${of}`}
        />
      )}
    </Panel>
  )
}

const shown = (metric: MetricView['metric'], value: number | null): string => {
  if (value === null) return '-'
  if (metric === 'failures') return percent(value)
  return metric === 'latency' ? `${(1000 * value).toPrecision(3)} ms` : value.toPrecision(4)
}

/** Whether nothing came yet that a verdict could be about. */
const isUnseen = ({ verdict, count: seen }: MetricView): boolean => verdict === 'inconclusive' && seen === 0

const columns: readonly Column<MetricView>[] = [
  {
    head: 'Metric',
    cell: (metric) => (
      <>
        {metricName(metric)}
        {!metric.isEnforced && <div class="small faint">dry run: it decides nothing</div>}
      </>
    ),
  },
  {
    head: 'Verdict',
    cell: (metric) =>
      isUnseen(metric) ? (
        <Badge tone="still" text="nothing yet" />
      ) : (
        <Badge tone={verdictTone[metric.verdict]} text={metric.verdict} />
      ),
  },
  {
    head: 'Difference',
    when: 'wide',
    cell: (metric) => {
      const band = bandOf(metric)
      return band === null ? (
        <span class="small soft">{metric.text.replace(/^[^:]*: /, '')}</span>
      ) : (
        <BandDrawing band={band} tone={verdictTone[metric.verdict]} label={metric.text} />
      )
    },
  },
  { head: 'Champion', isEnd: true, when: 'widest', cell: ({ metric, champion }) => shown(metric, champion) },
  {
    head: 'From it',
    isEnd: true,
    cell: ({ metric, difference, low, high }) => (
      <>
        {shown(metric, difference)}
        {low !== null && high !== null && (
          <div class="small faint">
            {shown(metric, low)} to {shown(metric, high)}
          </div>
        )}
      </>
    ),
  },
  {
    head: 'Tolerated',
    isEnd: true,
    when: 'widest',
    cell: ({ metric, tolerated }) => shown(metric, tolerated),
  },
  { head: 'Seen', isEnd: true, when: 'widest', cell: (metric) => count(metric.count) },
]
