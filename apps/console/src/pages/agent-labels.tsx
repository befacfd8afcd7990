import type { AgentView } from '@lorica/protocol'
import { useState } from 'preact/hooks'
import { post } from '../net/api.js'
import { iMay } from '../net/me.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'

interface LabelsProps {
  readonly agent: AgentView
  readonly refresh: () => void
}

/** The labels of an agent, by which runs choose. */
export function AgentLabels({ agent: { agentId, labels, state }, refresh }: LabelsProps) {
  const [key, setKey] = useState('')
  const [value, setValue] = useState('')
  const isMine = iMay('label-agent') && state !== 'left'
  const set = async (changed: Readonly<Record<string, string | null>>, done: string) => {
    const isDone = await act(() => post(`/agents/${agentId}/label`, { labels: changed }), done)
    if (isDone) {
      setKey('')
      setValue('')
    }
    refresh()
  }
  const submit = (event: Event) => {
    event.preventDefault()
    void set({ [key]: value }, `${key}=${value} is set.`)
  }
  const pairs = Object.entries(labels)
  return (
    <Panel title="Labels" note="Runs choose their agents by them">
      <div class="stack">
        {pairs.length === 0 && <p class="soft">None.</p>}
        {pairs.map(([name, text]) => (
          <div key={name} class="row spread">
            <span class="tag">
              {name}={text}
            </span>
            {isMine && (
              <button
                type="button"
                class="plain link small"
                onClick={() => void set({ [name]: null }, `${name} is taken away.`)}
              >
                Take away<span class="unseen"> {name}</span>
              </button>
            )}
          </div>
        ))}
        {isMine && (
          <form class="row" onSubmit={submit}>
            <input
              aria-label="Label"
              placeholder="site"
              size={10}
              value={key}
              onInput={({ currentTarget }) => setKey(currentTarget.value)}
            />
            <input
              aria-label="Value"
              placeholder="oslo"
              size={12}
              value={value}
              onInput={({ currentTarget }) => setValue(currentTarget.value)}
            />
            <button type="submit" disabled={key === '' || value === ''}>
              Set
            </button>
          </form>
        )}
      </div>
    </Panel>
  )
}
