import type { ReleaseView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { useReleaseDistance } from '../net/release-distance.js'
import { Awaited } from '../parts/awaited.js'
import { Head } from '../parts/head.js'
import { ModuleName } from '../parts/module-name.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { type ModuleDistance, totalDistance } from '../views/adapter-distance.js'
import { percent } from '../views/format.js'
import { betterText, type Fact, manifestFacts } from '../views/release-difference.js'
import { linkTo } from '../views/route.js'

/** Two releases side by side: what they say of themselves, and what is between them in the model. */
export function ComparePage({ from, to }: { readonly from: string; readonly to: string }) {
  const path = (name: string) => `/releases/${encodeURIComponent(name)}`
  const first = useAnswer<ReleaseView>(path(from), Number.POSITIVE_INFINITY)
  const second = useAnswer<ReleaseView>(path(to), Number.POSITIVE_INFINITY)
  const { modules, reason } = useReleaseDistance(first.data?.manifest, second.data?.manifest)
  return (
    <Awaited answer={first}>
      {(old) => (
        <Awaited answer={second}>
          {(next) => (
            <>
              <Head
                title={`${from} and ${to}`}
                from={{ text: 'Releases', href: '#/releases' }}
                note={betterText(old.manifest, next.manifest) ?? 'One of them was not measured.'}
              >
                <a class="button" href={linkTo('releases', 'compare', to, from)}>
                  Turn round
                </a>
              </Head>
              <div class="evens">
                <Panel title="What they say" isBare>
                  <Table
                    label="Facts"
                    columns={ofFacts(from, to)}
                    rows={manifestFacts(old.manifest, next.manifest)}
                    keyOf={({ name }) => name}
                  />
                </Panel>
                <Panel
                  title="In the model"
                  note={modules && summaryOf(modules, from, to)}
                  isBare={modules !== undefined}
                >
                  {modules === undefined ? (
                    <p class="soft">{reason ?? 'Reading both adapters…'}</p>
                  ) : (
                    <Table
                      label="Modules"
                      columns={ofModules(from)}
                      rows={modules}
                      keyOf={({ module }) => module}
                      size={15}
                    />
                  )}
                </Panel>
              </div>
            </>
          )}
        </Awaited>
      )}
    </Awaited>
  )
}

function summaryOf(modules: readonly ModuleDistance[], from: string, to: string): string {
  const { norm, difference } = totalDistance(modules)
  const share = norm === 0 ? '' : `, ${percent(difference / norm)}`
  return `${from} adds ${norm.toPrecision(4)} (L2 over all weights); ${to} is ${difference.toPrecision(4)} from it${share}`
}

const ofFacts = (from: string, to: string): readonly Column<Fact>[] => [
  { head: 'Fact', cell: ({ name }) => <span class="soft">{name}</span> },
  { head: from, cell: ({ from: text, isSame }) => <span class={isSame ? 'faint' : undefined}>{text}</span> },
  {
    head: to,
    cell: ({ to: text, isSame }) => (isSame ? <span class="faint">the same</span> : <strong>{text}</strong>),
  },
]

const ofModules = (from: string): readonly Column<ModuleDistance>[] => [
  {
    head: 'Module',
    order: (a, b) => (a.module < b.module ? -1 : 1),
    cell: ({ module }) => <ModuleName name={module} />,
  },
  {
    head: `Norm in ${from}`,
    isEnd: true,
    order: (a, b) => a.norm - b.norm,
    cell: ({ norm }) => norm.toPrecision(3),
  },
  {
    head: 'Difference',
    isEnd: true,
    order: (a, b) => a.difference - b.difference,
    cell: ({ difference }) => difference.toPrecision(3),
  },
  {
    head: 'Share',
    isEnd: true,
    when: 'wide',
    cell: ({ norm, difference }) => percent(norm === 0 ? null : difference / norm),
  },
]
