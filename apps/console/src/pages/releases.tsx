import type { ReleaseView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { Awaited } from '../parts/awaited.js'
import { Blank } from '../parts/blank.js'
import { Head } from '../parts/head.js'
import { LineageGraph } from '../parts/lineage.js'
import { useNowMs } from '../parts/now.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { ago, bytes, loss } from '../views/format.js'
import { lineageOf } from '../views/lineage.js'
import { linkTo } from '../views/route.js'

export interface Releases {
  readonly releases: readonly ReleaseView[]
  readonly aliases: Readonly<Record<string, string>>
}

/** Every release, how they follow from one another, and two of them to compare. */
export function ReleasesPage() {
  const answer = useAnswer<Releases>('/releases', 3000)
  const [picked, setPicked] = useState<readonly string[]>([])
  const nowMs = useNowMs()
  const pick = (name: string) =>
    setPicked((now) => (now.includes(name) ? now.filter((one) => one !== name) : [...now.slice(-1), name]))
  const [from, to] = picked.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  return (
    <>
      <Head
        title="Releases"
        note="Numbered, signed, never changed; each is an ordinary PEFT folder. Pick two to see what is between them."
      >
        {from !== undefined && to !== undefined && (
          <a class="button first" href={linkTo('releases', 'compare', from, to)}>
            Compare {from} and {to}
          </a>
        )}
      </Head>
      <Awaited answer={answer}>
        {({ releases, aliases }) =>
          releases.length === 0 ? (
            <Blank title="No release yet">
              <p>A run makes one a round, when the candidate passed its gate.</p>
              <a class="button" href="#/runs">
                To the runs
              </a>
            </Blank>
          ) : (
            <>
              <Panel
                title="Lineage"
                note="A lane for each run; the figure is the loss on held-out text"
                isBare
              >
                <LineageGraph lineage={lineageOf(releases, aliases)} />
              </Panel>
              <Table
                label="Releases"
                columns={columns({ aliases, picked, pick, nowMs })}
                rows={releases.toReversed()}
                keyOf={({ name }) => name}
                size={25}
              />
            </>
          )
        }
      </Awaited>
    </>
  )
}

interface Shown {
  readonly aliases: Releases['aliases']
  readonly picked: readonly string[]
  readonly pick: (name: string) => void
  readonly nowMs: number
}

const columns = ({ aliases, picked, pick, nowMs }: Shown): readonly Column<ReleaseView>[] => [
  {
    head: 'Pick',
    cell: ({ name }) => (
      <input
        type="checkbox"
        aria-label={`Compare ${name}`}
        checked={picked.includes(name)}
        onChange={() => pick(name)}
      />
    ),
  },
  {
    head: 'Release',
    order: (a, b) => a.manifest.version - b.manifest.version,
    cell: ({ name, audits = [] }) => (
      <span class="row">
        <a class="lead" href={linkTo('releases', name)}>
          {name}
        </a>
        {Object.keys(aliases)
          .filter((alias) => aliases[alias] === name)
          .map((alias) => (
            <span key={alias} class="tag alias">
              {alias}
            </span>
          ))}
        {audits.some(({ verdict }) => verdict === 'refuted') && <span class="small bad">refuted</span>}
      </span>
    ),
  },
  {
    head: 'Run',
    when: 'wide',
    order: (a, b) => (a.manifest.runId < b.manifest.runId ? -1 : 1),
    cell: ({ manifest: { runId, round } }) => (
      <>
        <a href={linkTo('runs', runId)}>{runId}</a>
        <span class="small faint">{round === 0 ? ' the base as it is' : ` round ${round}`}</span>
      </>
    ),
  },
  {
    head: 'Loss',
    isEnd: true,
    order: (a, b) => (a.manifest.evaluation.loss ?? Infinity) - (b.manifest.evaluation.loss ?? Infinity),
    cell: ({ manifest }) => loss(manifest.evaluation.loss),
  },
  {
    head: 'Agents',
    isEnd: true,
    when: 'wide',
    cell: ({ manifest }) => manifest.contributions.length,
  },
  {
    head: 'Promise',
    when: 'widest',
    cell: ({ manifest: { privacy } }) =>
      privacy === undefined ? <span class="faint">none</span> : `ε ${privacy.epsilon} a ${privacy.unit}`,
  },
  {
    head: 'Size',
    isEnd: true,
    when: 'widest',
    cell: ({ manifest }) => bytes(manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
  },
  {
    head: 'Made',
    isEnd: true,
    when: 'wide',
    cell: ({ manifest: { createdAt } }) => ago(createdAt, nowMs),
  },
]
