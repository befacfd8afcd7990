import { useEffect } from 'preact/hooks'
import { me, silence } from '../net/me.js'
import { place } from '../net/place.js'
import { token } from '../net/session.js'
import { Blank } from '../parts/blank.js'
import { NoticeLine } from '../parts/notice.js'
import { QuestionBox } from '../parts/question.js'
import type { Route } from '../views/route.js'
import { AccessPage } from './access.js'
import { AgentPage } from './agent.js'
import { AuditPage } from './audit.js'
import { ComparePage } from './compare.js'
import { FleetPage } from './fleet.js'
import { Frame } from './frame.js'
import { NewRolloutPage } from './new-rollout.js'
import { NewRunPage } from './new-run.js'
import { PrivacyPage } from './privacy.js'
import { ReleasePage } from './release.js'
import { ReleasesPage } from './releases.js'
import { RolloutPage } from './rollout.js'
import { RolloutsPage } from './rollouts.js'
import { RoundPage } from './round.js'
import { RunPage } from './run.js'
import { RunsPage } from './runs.js'
import { SignInPage } from './sign-in.js'

/** The console: signed in, the page that the address names. */
export function Page() {
  const route = place.value
  const title = titleOf(route)
  useEffect(() => {
    document.title = `${title} · Lorica`
    scrollTo(0, 0)
  }, [title])
  if (token.value === null) return <SignInPage />
  return (
    <>
      <Frame route={route}>
        {me.value === null ? (
          <p class="soft" role="status">
            {silence.value ?? 'Asking the coordinator…'}
          </p>
        ) : (
          <Shown route={route} />
        )}
      </Frame>
      <QuestionBox />
      <NoticeLine />
    </>
  )
}

function Shown({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'runs':
      return <RunsPage />
    case 'new-run':
      return <NewRunPage />
    case 'run':
      return <RunPage key={route.id} id={route.id} />
    case 'round':
      return <RoundPage key={`${route.id} ${route.round}`} id={route.id} round={route.round} />
    case 'fleet':
      return <FleetPage />
    case 'agent':
      return <AgentPage key={route.id} id={route.id} />
    case 'releases':
      return <ReleasesPage />
    case 'release':
      return <ReleasePage key={route.id} id={route.id} />
    case 'compare':
      return <ComparePage key={`${route.from} ${route.to}`} from={route.from} to={route.to} />
    case 'rollouts':
      return <RolloutsPage />
    case 'rollout':
      return <RolloutPage key={route.id} id={route.id} />
    case 'new-rollout':
      return <NewRolloutPage release={route.release} />
    case 'privacy':
      return <PrivacyPage />
    case 'access':
      return <AccessPage />
    case 'audit':
      return <AuditPage />
    default:
      return (
        <Blank title="There is no such page" isPage>
          <a class="button" href="#/runs">
            To the runs
          </a>
        </Blank>
      )
  }
}

function titleOf(route: Route): string {
  if (route.page === 'round') return `Round ${route.round} of ${route.id}`
  if (route.page === 'compare') return `${route.from} and ${route.to}`
  if ('id' in route) return route.id
  return (
    { 'new-run': 'Start a run', 'new-rollout': 'Roll a release out', nowhere: 'Nothing here' }[
      route.page as string
    ] ?? capital(route.page)
  )
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
