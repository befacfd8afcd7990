import { useState } from 'preact/hooks'
import { create } from '../net/api.js'
import { CommandLine } from '../parts/command.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'

interface Invited {
  readonly links: readonly { readonly name: string | null; readonly join: string }[]
}

/** Makes join links, and shows what to type on the machines of the agents. */
export function Invite() {
  const [name, setName] = useState('')
  const [uses, setUses] = useState('1')
  const [expires, setExpires] = useState('7d')
  const [needsApproval, setApproval] = useState(true)
  const [links, setLinks] = useState<Invited['links']>([])
  const submit = (event: Event) => {
    event.preventDefault()
    void act(async () => {
      const asked = { ...(name === '' ? {} : { name }), uses: Number(uses), expires, needsApproval }
      setLinks((await create<Invited>('/agents/invite', asked)).links)
    }, 'The link is made. Only its hash is kept: take it along now.')
  }
  return (
    <Panel
      title="Invite agents"
      note="A link is as good as a key: send it to whoever sets the machine up, and nobody else"
    >
      <form class="stack" onSubmit={submit}>
        <div class="fields">
          <div class="field">
            <label for="invite-name">Name</label>
            <input
              id="invite-name"
              placeholder="any"
              value={name}
              onInput={({ currentTarget }) => setName(currentTarget.value)}
            />
            <span class="hint">Only an agent of this name may use it.</span>
          </div>
          <div class="field">
            <label for="invite-uses">Agents</label>
            <input
              id="invite-uses"
              inputMode="numeric"
              pattern="[0-9]+"
              value={uses}
              onInput={({ currentTarget }) => setUses(currentTarget.value)}
            />
            <span class="hint">That may join with it.</span>
          </div>
          <div class="field">
            <label for="invite-expires">Valid for</label>
            <select
              id="invite-expires"
              value={expires}
              onChange={({ currentTarget }) => setExpires(currentTarget.value)}
            >
              <option value="1h">an hour</option>
              <option value="1d">a day</option>
              <option value="7d">a week</option>
              <option value="30d">30 days</option>
            </select>
          </div>
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={needsApproval}
            onChange={({ currentTarget }) => setApproval(currentTarget.checked)}
          />
          <span>
            I approve each agent that joins with it
            <span class="hint small faint"> — so that a link that went astray lets nobody in</span>
          </span>
        </label>
        <div class="row">
          <button type="submit" class="first">
            Make the link
          </button>
        </div>
        {links.map(({ join, name: whose }) => (
          <div key={join} class="stack tight">
            <span class="small soft">On the machine that has the data:</span>
            <CommandLine
              text={`lorica agent join '${join}'${whose === null ? '' : ` --name '${whose}'`} --data FILE`}
            />
          </div>
        ))}
      </form>
    </Panel>
  )
}
