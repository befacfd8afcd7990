import type { LiveEvent, RolloutDetail } from '@lorica/protocol'
import type { Output } from '../screen/output.js'
import { type ApiOptions, createApi } from './api.js'
import { watchLive } from './live.js'
import { rolloutLines } from './rollout-lines.js'
import { rolloutNews, rolloutNewsLines } from './rollout-news.js'

const LEAST_MS = 250 // between two looks: agents of a large group answer at once
const ENDS = ['done', 'aborted', 'undone', 'paused']

/**
 * Follows a rollout live until it has ended or is paused for a person, through restarts of the coordinator, and returns it. `tellsEvents`: with `--json` each
 * thing that is new is a line.
 */
export async function watchRollout(
  options: ApiOptions,
  id: string,
  output: Output,
  { tellsEvents }: { readonly tellsEvents: boolean },
): Promise<RolloutDetail> {
  const api = createApi(options)
  let before: RolloutDetail | undefined
  const look = async (): Promise<RolloutDetail | undefined> => {
    const now = await api.get<RolloutDetail>(`/api/v1/rollouts/${encodeURIComponent(before?.rollout ?? id)}`)
    const news = rolloutNews(before, now)
    if (tellsEvents) {
      if (before === undefined) output.event({ type: 'rollout', ...now })
      else for (const one of news) output.event(one)
    }
    if (!output.json || !tellsEvents) for (const line of rolloutNewsLines(news, before)) output.line(line)
    before = now
    if (ENDS.includes(now.state)) return now
    output.frame(rolloutLines(now))
    return undefined
  }
  return await watchLive(options, { isAbout, look, leastMs: LEAST_MS, what: 'the rollout' }, output)
}

const isAbout = ({ type }: LiveEvent): boolean =>
  type.startsWith('rollout-') ||
  type === 'target-reported' ||
  type === 'alias-moved' ||
  type === 'agent-connected' ||
  type === 'agent-disconnected' ||
  type === 'coordinator-started'
