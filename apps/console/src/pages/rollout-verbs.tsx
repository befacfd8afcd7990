import type { RolloutDetail } from '@lorica/protocol'
import { change, post } from '../net/api.js'
import { iMay } from '../net/me.js'
import { act } from '../parts/notice.js'
import { ask, type Question } from '../parts/question.js'
import { type RolloutVerb, verbsFor } from '../views/rollout-state.js'

interface VerbsProps {
  readonly rollout: RolloutDetail
  readonly newest: string | undefined
  readonly refresh: () => void
}

const words: Readonly<Record<RolloutVerb, string>> = {
  approve: 'Approve',
  promote: 'Promote',
  pause: 'Pause',
  resume: 'Resume',
  abort: 'Abort',
  retry: 'Try again',
  undo: 'Undo',
}
const hints: Readonly<Record<RolloutVerb, string>> = {
  approve: 'Lets it begin',
  promote: 'Goes on: what is open counts as good',
  pause: 'Opens no further group; agents stay as they are',
  resume: 'Goes on, and waits for what it waited for',
  abort: 'Ends it: every agent goes back',
  retry: 'Tries again',
  undo: 'Every agent goes back; nothing is downloaded',
}

/** What a person can tell a rollout. */
export function RolloutVerbs({ rollout, newest, refresh }: VerbsProps) {
  if (!iMay('roll-out')) return null
  const tell = async (verb: RolloutVerb) => {
    const question = questionOf(verb, rollout)
    if (question !== undefined && !(await ask(question))) return
    const path = `/rollouts/${encodeURIComponent(rollout.rollout)}/${verb}`
    const isUrgent = verb === 'abort' || verb === 'pause' // as good after a step more
    const send = () => (isUrgent ? post(path) : change(path, rollout.tag))
    await act(send, `${rollout.rollout}: ${verb}, as you said.`)
    refresh()
  }
  return (
    <>
      {verbsFor(rollout, newest).map((verb, at) => (
        <button
          key={verb}
          type="button"
          class={verb === 'abort' || verb === 'undo' ? 'grave' : at === 0 ? 'first' : undefined}
          title={hints[verb]}
          onClick={() => void tell(verb)}
        >
          {words[verb]}
        </button>
      ))}
    </>
  )
}

function questionOf(verb: RolloutVerb, { release, previous, state }: RolloutDetail): Question | undefined {
  if (verb === 'abort')
    return {
      title: `Abort the rollout of ${release}?`,
      text: state === 'pending' ? 'Nobody has it yet.' : `Every agent that has it goes back to ${previous}.`,
      verb: 'Abort it',
      isGrave: true,
    }
  if (verb === 'undo')
    return {
      title: `Take ${release} back from everybody?`,
      text: `Every agent goes back to ${previous}, which it still has: it takes seconds. ${previous} is the champion again.`,
      verb: 'Undo it',
      isGrave: true,
    }
  if (verb === 'promote')
    return {
      title: `Go on with ${release}?`,
      text: 'What is open counts as good, whatever the metrics say, and the next group gets it.',
      verb: 'Promote it',
    }
  return undefined
}
