import type { WhoamiView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { useAnswer } from '../net/answer.js'
import { create, post } from '../net/api.js'
import { me } from '../net/me.js'
import { Awaited } from '../parts/awaited.js'
import { CommandLine } from '../parts/command.js'
import { Field } from '../parts/field.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { ask } from '../parts/question.js'
import { type Column, Table } from '../parts/table.js'

interface Operator {
  readonly name: string
  readonly role: WhoamiView['role']
}

type Made = Operator & { readonly token: string }

const EVERY_MS = 10_000
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

const meanings: Readonly<Record<Operator['role'], string>> = {
  viewer: 'reads everything',
  operator: 'also conducts runs and rollouts, and cordons agents',
  admin: 'also decides who is in the fleet, and who operates it',
}

/** Who may operate the fleet beside the owner of the coordinator. */
export function OperatorsPanel() {
  const answer = useAnswer<{ readonly operators: readonly Operator[] }>('/operators', EVERY_MS)
  const [made, setMade] = useState<Made | null>(null)
  const revoke = async ({ name }: Operator) => {
    const isMeant = await ask({
      title: `Take the token of ${name} away?`,
      text:
        name === me.value?.name
          ? 'That is you: you are signed out at once, and come back only with another token.'
          : 'It is worth nothing from then on, also where it is in use. Another one can be made under the same name.',
      verb: 'Take it away',
      isGrave: true,
    })
    if (!isMeant) return
    await act(() => post(`/operators/${encodeURIComponent(name)}/remove`), `${name} operates no longer.`)
    if (made?.name === name) setMade(null)
    answer.refresh()
  }
  const columns: readonly Column<Operator>[] = [
    { head: 'Name', cell: ({ name }) => <strong>{name}</strong>, order: byName },
    { head: 'Role', cell: ({ role }) => role, order: (a, b) => (a.role < b.role ? -1 : 1) },
    { head: 'What it may', when: 'wide', cell: ({ role }) => <span class="soft">{meanings[role]}</span> },
    {
      head: 'Token',
      isEnd: true,
      cell: (operator) => (
        <button
          type="button"
          class="grave short"
          aria-label={`Revoke the token of ${operator.name}`}
          onClick={() => void revoke(operator)}
        >
          Revoke
        </button>
      ),
    },
  ]
  return (
    <>
      <Panel
        title="Operators"
        note="Beside the owner of the coordinator, whose token lies in its folder as admin-token"
        isBare
      >
        <Awaited answer={answer}>
          {({ operators }) => (
            <Table
              label="Operators"
              columns={columns}
              rows={operators}
              keyOf={({ name }) => name}
              empty={<p class="body soft">Nobody yet.</p>}
            />
          )}
        </Awaited>
      </Panel>
      <NewOperator
        made={made}
        onMade={(one) => {
          setMade(one)
          answer.refresh()
        }}
      />
    </>
  )
}

const byName = (a: Operator, b: Operator): number => a.name.localeCompare(b.name, 'en', { numeric: true })

interface NewOperatorProps {
  readonly made: Made | null
  readonly onMade: (made: Made | null) => void
}

function NewOperator({ made, onMade }: NewOperatorProps) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Operator['role']>('viewer')
  const isName = NAME.test(name)
  const submit = (event: Event) => {
    event.preventDefault()
    if (!isName) return
    void act(async () => {
      onMade(await create<Made>('/operators', { name, role }))
      setName('')
    }, 'The token is made. Only its hash is kept: take it along now.')
  }
  return (
    <Panel
      title="Let somebody operate"
      note="A token is as good as a key: hand it to one person, and to nobody else"
    >
      <form class="stack" onSubmit={submit}>
        <div class="fields">
          <Field
            id="operator-name"
            label="Name of the person"
            value={name}
            onValue={setName}
            hint="One for each person, so that each can be taken away."
            fault={name === '' || isName ? undefined : 'Letters, digits, dots and dashes, 64 at most.'}
          />
          <div class="field">
            <label for="operator-role">Role</label>
            <select
              id="operator-role"
              value={role}
              aria-describedby="operator-role-hint"
              onChange={({ currentTarget }) => setRole(currentTarget.value as Operator['role'])}
            >
              <option value="viewer">Viewer</option>
              <option value="operator">Operator</option>
              <option value="admin">Admin</option>
            </select>
            <span class="hint" id="operator-role-hint">
              {capital(meanings[role])}.
            </span>
          </div>
        </div>
        <div class="row">
          <button type="submit" class="first" disabled={!isName}>
            Make the token
          </button>
        </div>
        {made !== null && (
          <div class="stack tight" aria-live="polite">
            <span class="small soft">
              The token of {made.name}, {made.role}. It shows once: it is gone when you leave this page.
            </span>
            <CommandLine text={made.token} label="Copy the token" />
            <div class="row">
              <button type="button" onClick={() => onMade(null)}>
                I have it
              </button>
            </div>
          </div>
        )}
      </form>
    </Panel>
  )
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
