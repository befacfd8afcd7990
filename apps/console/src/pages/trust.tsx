import type { TrustView } from '@lorica/protocol'
import { useAnswer } from '../net/answer.js'
import { Awaited } from '../parts/awaited.js'
import { Badge } from '../parts/badge.js'
import { CommandLine } from '../parts/command.js'
import { Facts } from '../parts/figures.js'
import { useNowMs } from '../parts/now.js'
import { Panel } from '../parts/panel.js'
import { type Column, Table } from '../parts/table.js'
import { counted, inGroups, moment } from '../views/format.js'
import { type KeyRow, keyRows, trustSteps, validity } from '../views/root-facts.js'
import type { Tone } from '../views/tone.js'

const EVERY_MS = 30_000

/** The root in force: who may sign, until when, and what has to be done about it in a terminal. */
export function TrustPanels() {
  const answer = useAnswer<TrustView>('/trust', EVERY_MS)
  const nowMs = useNowMs()
  return (
    <Awaited answer={answer}>
      {(view) => (
        <>
          <RootPanel view={view} nowMs={nowMs} />
          <Panel
            title="In a terminal"
            note="Root keys never come to this page, nor to the coordinator once they are taken away"
          >
            <div class="stack">
              {trustSteps(view, nowMs).map(({ why, commands }) => (
                <div key={why} class="stack tight">
                  <span class="soft">{why}</span>
                  {commands.map((text) => (
                    <CommandLine key={text} text={text} />
                  ))}
                </div>
              ))}
            </div>
          </Panel>
        </>
      )}
    </Awaited>
  )
}

function RootPanel({ view, nowMs }: { readonly view: TrustView; readonly nowMs: number }) {
  const { root, roots, rootKeysHere } = view
  const { text, tone } = validity(root.expiresAt, nowMs)
  const isHere = rootKeysHere.length >= root.threshold
  return (
    <Panel
      title={`Root ${root.version}`}
      note="Agents take a release only with a signature by a key that the root names, and a root only from the keys of the one before"
      isBare
    >
      <div class="body">
        <Facts
          facts={[
            { name: 'State', text: <Badge tone={tone} text={text} /> },
            { name: 'In force', text: `from ${moment(root.issuedAt)} to ${moment(root.expiresAt)}` },
            {
              name: 'A root needs',
              text: `${counted(root.threshold, 'signature')} by ${root.rootKeys.length === 1 ? 'its root key' : `different ones of its ${root.rootKeys.length} root keys`}`,
            },
            {
              name: 'Root keys',
              text: isHere ? (
                <Badge tone="warn" text="beside the coordinator" />
              ) : (
                <Badge tone="good" text="kept elsewhere" />
              ),
            },
            { name: 'Roots until now', text: String(roots.length) },
          ]}
        />
      </div>
      <Table label="Keys" columns={columns} rows={keyRows(view)} keyOf={({ key }) => key} />
    </Panel>
  )
}

const tones: Readonly<Record<KeyRow['role'], Tone>> = { root: 'info', release: 'good', revoked: 'bad' }

const columns: readonly Column<KeyRow>[] = [
  { head: 'Signs', cell: ({ role }) => <Badge tone={tones[role]} text={role} /> },
  {
    head: 'Key',
    cell: ({ key, what }) => (
      <>
        <div class="fingerprint">{inGroups(key)}</div>
        <div class="small soft">{what}</div>
      </>
    ),
  },
]
