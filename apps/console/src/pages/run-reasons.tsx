import { Badge } from '../parts/badge.js'
import { Code, useCodePage } from '../parts/code.js'
import { Panel } from '../parts/panel.js'
import { counted } from '../views/format.js'
import { type Reason, spans } from '../views/reasons.js'
import { fateTone } from '../views/tone.js'

/** Why seats brought nothing, and what to do about it; nothing where all brought something. */
export function ReasonsPanel({ reasons }: { readonly reasons: readonly Reason[] }) {
  if (reasons.length === 0) return null
  return (
    <Panel title="What brought nothing, and why" isBare>
      <ul>
        {reasons.map((reason) => (
          <Line key={`${reason.kind} ${reason.code}`} reason={reason} />
        ))}
      </ul>
    </Panel>
  )
}

function Line({ reason: { kind, code, count, rounds } }: { readonly reason: Reason }) {
  const page = useCodePage(code)
  return (
    <li class="reason">
      <div class="row">
        <Badge tone={fateTone[kind]} text={kind} />
        <span>
          <Code code={code} /> {page?.title}
        </span>
        <span class="small faint">
          {counted(count, 'time')}, round {spans(rounds)}
        </span>
      </div>
      {page !== undefined && <p class="small soft">{page.action}</p>}
    </li>
  )
}
