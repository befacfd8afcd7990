import type { AgentView } from '@lorica/protocol'
import type { ComponentChildren } from 'preact'
import { useAnswer } from '../net/answer.js'
import { me } from '../net/me.js'
import { signOut } from '../net/session.js'
import { Drawing, type DrawingName } from '../parts/drawing.js'
import { Mark } from '../parts/mark.js'
import { scheme, turnScheme } from '../parts/scheme.js'
import { waitingAgents } from '../views/fleet-rows.js'
import { type Route, sectionOf } from '../views/route.js'

const sections: readonly (readonly [DrawingName & ReturnType<typeof sectionOf>, string])[] = [
  ['runs', 'Runs'],
  ['fleet', 'Fleet'],
  ['releases', 'Releases'],
  ['rollouts', 'Rollouts'],
  ['privacy', 'Privacy'],
  ['access', 'Access'],
  ['audit', 'Audit'],
]
const TALLY_MS = 15_000

/** The menu, and the page beside it. */
export function Frame({ route, children }: { readonly route: Route; readonly children: ComponentChildren }) {
  const section = sectionOf(route)
  const { data } = useAnswer<{ readonly agents: readonly AgentView[] }>(
    me.value === null ? null : '/agents',
    TALLY_MS,
  )
  const waiting = waitingAgents(data?.agents ?? []).length
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip the menu
      </button>
      <div class="rail">
        <a class="brand" href="#/runs">
          <Mark />
          Lorica
        </a>
        <nav aria-label="Menu">
          <ul>
            {sections.map(([name, text]) => (
              <li key={name}>
                <a href={`#/${name}`} aria-current={section === name ? 'page' : undefined}>
                  <Drawing name={name} />
                  {text}
                  {name === 'fleet' && waiting > 0 && (
                    <span class="tally">
                      {waiting}
                      <span class="unseen"> wait for approval</span>
                    </span>
                  )}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <footer>
          {me.value !== null && (
            <div class="who">
              <div class="clip" title={me.value.name}>
                {[...new Set([me.value.name, me.value.role])].join(' · ')}
              </div>
              <div class="faint mono clip" title={me.value.coordinatorId}>
                {me.value.coordinatorId.slice(0, 8)} · {me.value.software}
              </div>
            </div>
          )}
          <div class="row">
            <button type="button" class="icon short" onClick={turnScheme} title="Light or dark">
              <Drawing name="scheme" size={16} />
              <span class="unseen">{scheme.value === 'dark' ? 'Light colours' : 'Dark colours'}</span>
            </button>
            <button type="button" class="icon short" onClick={() => signOut()} title="Sign out">
              <Drawing name="leave" size={16} />
              <span class="unseen">Sign out</span>
            </button>
          </div>
        </footer>
      </div>
      <main class="content" id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}
