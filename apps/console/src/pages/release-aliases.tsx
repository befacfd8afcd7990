import { useState } from 'preact/hooks'
import { change } from '../net/api.js'
import { iMay } from '../net/me.js'
import { act } from '../parts/notice.js'
import { Panel } from '../parts/panel.js'
import { ask } from '../parts/question.js'

interface AliasesProps {
  readonly release: string
  readonly aliases: Readonly<Record<string, string>>
  readonly refresh: () => void
}

/** Names that stand for a release, and can be moved to another one. */
export function ReleaseAliases({ release, aliases, refresh }: AliasesProps) {
  const [alias, setAlias] = useState('')
  const mine = Object.keys(aliases).filter((one) => aliases[one] === release)
  const isMine = iMay('name-release')
  const set = async (event: Event) => {
    event.preventDefault()
    const before = aliases[alias]
    const isMeant =
      before === undefined ||
      before === release ||
      (await ask({
        title: `Move ${alias} to ${release}?`,
        text: `It names ${before} now. Whoever follows the name has ${release} from then on.`,
        verb: 'Move it',
      }))
    if (!isMeant) return
    if (
      await act(
        () => change(`/aliases/${encodeURIComponent(alias)}`, before ?? null, { release }),
        `${alias} is now ${release}.`,
      )
    )
      setAlias('')
    refresh()
  }
  const remove = async (one: string) => {
    const isMeant = await ask({
      title: `Take the name ${one} away?`,
      text: `Nothing has that name then. ${release} itself stays.`,
      verb: 'Take it away',
      isGrave: true,
    })
    if (!isMeant) return
    const path = `/aliases/${encodeURIComponent(one)}/remove`
    await act(() => change(path, release), `${one} was taken away.`)
    refresh()
  }
  return (
    <Panel title="Names" note="champion is what agents serve by default">
      <div class="stack">
        {mine.length === 0 && <p class="soft">None but its number.</p>}
        {mine.map((one) => (
          <div key={one} class="row spread">
            <span class="tag alias">{one}</span>
            {isMine && (
              <button type="button" class="plain link small" onClick={() => void remove(one)}>
                Take away<span class="unseen"> {one}</span>
              </button>
            )}
          </div>
        ))}
        {isMine && (
          <form class="row" onSubmit={(event) => void set(event)}>
            <input
              aria-label="Name"
              placeholder="champion"
              list="alias-names"
              value={alias}
              onInput={({ currentTarget }) => setAlias(currentTarget.value)}
            />
            <datalist id="alias-names">
              {[...new Set(['champion', 'candidate', ...Object.keys(aliases)])].map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <button type="submit" disabled={alias === ''}>
              Give it this name
            </button>
          </form>
        )}
      </div>
    </Panel>
  )
}
