import type { RunView } from '@lorica/protocol'

/** What to do about a run now, in a sentence. */
export function nextStep({ state, reason, release, rounds }: RunView): string {
  switch (state) {
    case 'queued':
      return 'It waits for its turn on the agents.'
    case 'waiting':
      return `It waits: ${reason ?? 'not enough agents are there'}. It begins by itself when that changes.`
    case 'paused':
      return 'It opens no new round until somebody resumes it. What agents do now they finish.'
    case 'running':
      return rounds.length === 0
        ? 'The first round takes longer: agents download the base, and measure it before training.'
        : 'Nothing to do: it goes on by itself, also when agents or the coordinator restart.'
    case 'succeeded':
      return release === null
        ? 'It is over, and no candidate was good enough to be released. The rounds below say why.'
        : `It is over. Look at ${release}, compare it with another one, or give it an alias.`
    case 'failed':
      return `${reason ?? 'It failed'}. The rounds below say what each agent said; start it again when that is solved.`
    default:
      return `It was cancelled${reason === null ? '' : `: ${reason}`}.`
  }
}
