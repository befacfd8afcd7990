import type { AgentEvaluation, ReleaseManifest, ReleaseView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { iMay } from '../net/me.js'
import { Awaited } from '../parts/awaited.js'
import { CommandLine } from '../parts/command.js'
import { Facts } from '../parts/figures.js'
import { Head } from '../parts/head.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { bytes, count, loss, moment, percent } from '../views/format.js'
import { promiseSentence } from '../views/privacy-rows.js'
import { linkTo } from '../views/route.js'
import { GuardsPanel } from './guards.js'
import { ReleaseAliases } from './release-aliases.js'
import type { Releases } from './releases.js'

/** The card of a release: what it is, what it was made of, how good it is, and what it promises. */
export function ReleasePage({ id }: { readonly id: string }) {
  const answer = useAnswer<ReleaseView>(`/releases/${encodeURIComponent(id)}`, Number.POSITIVE_INFINITY)
  const all = useAnswer<Releases>('/releases', 3000)
  const aliases = all.data?.aliases ?? {}
  return (
    <Awaited answer={answer}>
      {(release) => {
        const { name, manifest, audits = [] } = release
        const mine = Object.keys(aliases).filter((alias) => aliases[alias] === name)
        return (
          <>
            <Head
              title={name}
              from={{ text: 'Releases', href: '#/releases' }}
              beside={mine.map((alias) => (
                <span key={alias} class="tag alias">
                  {alias}
                </span>
              ))}
              note={releaseNote(manifest)}
            >
              {iMay('roll-out') && !mine.includes('champion') && (
                <a class="button first" href={linkTo('rollouts', 'new', name)}>
                  Roll it out
                </a>
              )}
              {manifest.parent !== null && (
                <a class="button" href={linkTo('releases', 'compare', manifest.parent, name)}>
                  Compare with {manifest.parent}
                </a>
              )}
            </Head>
            {audits
              .filter(({ verdict }) => verdict === 'refuted')
              .map(({ reason }) => (
                <div key={reason} class="banner bad" role="alert">
                  An audit refutes its promise: {reason}
                </div>
              ))}
            <div class="evens">
              <Panel title="Card">
                <Facts facts={factsOf(release)} />
              </Panel>
              <div class="stack">
                <ReleaseAliases release={name} aliases={aliases} refresh={all.refresh} />
                <Panel title="Take it along" note="A Hugging Face PEFT folder">
                  <CommandLine text={`lorica releases export ${name} --out ${name}`} />
                </Panel>
              </div>
            </div>
            <GuardsPanel guards={manifest.evaluation.guards ?? []} />
            <div class="evens">
              {manifest.contributions.length > 0 && (
                <Panel title="Made of" note={`${manifest.contributions.length} updates`} isBare>
                  <Table
                    label="Updates"
                    columns={ofUpdates}
                    rows={manifest.contributions}
                    keyOf={({ agentId, updateSha256 }) => `${agentId} ${updateSha256}`}
                    size={12}
                  />
                </Panel>
              )}
              {manifest.evaluation.perAgent.length > 0 && (
                <Panel title="Measured by" note="loss on text that no agent trained on" isBare>
                  <Table
                    label="Measurements"
                    columns={ofMeasurements(manifest)}
                    rows={manifest.evaluation.perAgent}
                    keyOf={({ agentId }) => agentId}
                    size={12}
                  />
                </Panel>
              )}
            </div>
          </>
        )
      }}
    </Awaited>
  )
}

function factsOf({ id, manifest, signed }: ReleaseView) {
  const { parent, runId, round, base, evaluation, files, createdAt, software, coordinatorPublicKey } =
    manifest
  return [
    { name: 'Id', text: <span class="mono">{id}</span> },
    { name: 'Run', text: <a href={linkTo('runs', runId)}>{runId}</a> },
    {
      name: 'Round',
      text:
        round === 0 ? (
          'none: the base as it is'
        ) : (
          <a href={linkTo('runs', runId, 'rounds', round)}>{round}</a>
        ),
    },
    {
      name: 'Parent',
      text:
        parent === null ? 'none: the first of its run' : <a href={linkTo('releases', parent)}>{parent}</a>,
    },
    { name: 'Base', text: `${base.name} (${base.sha256.slice(0, 12)})` },
    {
      name: 'Held-out loss',
      text:
        evaluation.loss === null
          ? 'not measured'
          : `${loss(evaluation.loss)} over ${count(evaluation.tokens)} tokens`,
    },
    { name: 'Files', text: files.map(({ path, sizeBytes }) => `${path} (${bytes(sizeBytes)})`).join(', ') },
    { name: 'Made', text: moment(createdAt) },
    { name: 'Software', text: software },
    { name: 'Signed by', text: <span class="mono">{signed.proof?.key ?? coordinatorPublicKey}</span> },
  ]
}

type Update = ReleaseManifest['contributions'][number]

const ofUpdates: readonly Column<Update>[] = [
  {
    head: 'Agent',
    order: (a, b) => (a.name < b.name ? -1 : 1),
    cell: ({ name, agentId }) => (
      <a class="lead" href={linkTo('fleet', agentId)}>
        {name}
      </a>
    ),
  },
  { head: 'Share', isEnd: true, order: (a, b) => a.weight - b.weight, cell: ({ weight }) => percent(weight) },
  {
    head: 'Update',
    isEnd: true,
    when: 'wide',
    cell: ({ updateSha256 }) => <code class="faint">{updateSha256.slice(0, 12)}</code>,
  },
]

function ofMeasurements({ contributions }: ReleaseManifest): readonly Column<AgentEvaluation>[] {
  const names = new Map(contributions.map(({ agentId, name }) => [agentId, name]))
  return [
    {
      head: 'Agent',
      cell: ({ agentId }) => (
        <a class="lead" href={linkTo('fleet', agentId)}>
          {names.get(agentId) ?? agentId.slice(0, 12)}
        </a>
      ),
    },
    { head: 'Loss', isEnd: true, order: (a, b) => a.loss - b.loss, cell: (one) => loss(one.loss) },
    { head: 'Tokens', isEnd: true, cell: ({ tokens }) => count(tokens) },
  ]
}

/** What a release is, in a sentence or two. */
function releaseNote(manifest: ReleaseView['manifest']): string {
  const { round, runName, base } = manifest
  if (round === 0)
    return `${base.name} as it is, before any round of ${runName}: its adapter changes nothing.`
  return `Round ${round} of ${runName}. ${promiseSentence(manifest) ?? 'It promises nothing about the data that it was made from.'}`
}
