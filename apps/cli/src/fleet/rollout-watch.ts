import { LoricaError, type RolloutDetail } from '@lorica/protocol'
import type { Output } from '../screen/output.js'
import type { Api } from './api.js'
import { rolloutLine } from './rollout-lines.js'

const LOOK_MS = 500
const ENDS = ['done', 'aborted', 'undone', 'paused']

/** Follows a rollout until it has ended or is paused for a person, through restarts of the coordinator, and returns it. */
export async function watchRollout(api: Api, id: string, output: Output): Promise<RolloutDetail> {
  let seen = 0
  let isAway = false
  for (;;) {
    try {
      const view = await api.get<RolloutDetail>(`/api/v1/rollouts/${encodeURIComponent(id)}`)
      isAway = false
      for (const { seq, text, evidence } of view.history) {
        if (seq <= seen) continue
        seen = seq
        output.line(text)
        for (const metric of evidence ?? []) output.line(`  ${metric.text}`)
      }
      if (ENDS.includes(view.state)) return view
      output.progress(rolloutLine(view))
    } catch (error) {
      if (!(error instanceof LoricaError) || error.code !== 'LRC-8002') throw error
      if (!isAway)
        output.line('the coordinator does not answer; the rollout goes on when it is back (Ctrl-C leaves it)')
      isAway = true
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}
