import type { JournalLine } from '@lorica/protocol'
import type { Tone } from './tone.js'

type Fields = JournalLine['fields']

const because = ({ by, reason }: Fields): string => `by ${by}: ${reason}`

/** What lines of the journal about rollouts say, by their type. */
export const rolloutTellers: Readonly<Record<string, readonly [(fields: Fields) => string, Tone]>> = {
  'rollout-created': [
    (f) => `The rollout ${f.rolloutId} of ${f.release} in the place of ${f.previous} was started.`,
    'info',
  ],
  'rollout-approved': [(f) => `${f.rolloutId} was approved.`, 'good'],
  'rollout-group-opened': [(f) => `Group ${f.group} of ${f.rolloutId} gets the release.`, 'info'],
  'rollout-renewed': [(f) => `What agents of ${f.rolloutId} are to have was signed again.`, 'still'],
  'rollout-measured': [
    (f) => `An agent measured the release of ${f.rolloutId} beside the champion.`,
    'still',
  ],
  'rollout-admitted': [
    (f) => `${f.count} agents of the newest group of ${f.rolloutId} are told by now.`,
    'still',
  ],
  'rollout-webhook': [
    (f) => `Webhook ${f.hook} of ${f.rolloutId}: ${f.outcome}${f.reason === null ? '' : `, ${f.reason}`}`,
    'info',
  ],
  'rollout-soaking': [(f) => `Group ${f.group} of ${f.rolloutId} has the release and is watched.`, 'still'],
  'rollout-paused': [(f) => `${f.rolloutId} was paused ${because(f)}`, 'warn'],
  'rollout-resumed': [(f) => `${f.rolloutId} goes on.`, 'info'],
  'rollout-promoted': [(f) => `${f.rolloutId} was promoted${f.isFull ? ' to everybody' : ''}.`, 'info'],
  'rollout-retried': [(f) => `${f.rolloutId} is tried again.`, 'info'],
  'rollout-aborted': [(f) => `${f.rolloutId} was aborted ${because(f)}`, 'bad'],
  'rollout-done': [(f) => `${f.rolloutId} is done: everybody has the release.`, 'good'],
  'rollout-undone': [(f) => `${f.rolloutId} was undone ${because(f)}`, 'bad'],
  'rollout-watch-ended': [(f) => `${f.rolloutId} is no longer watched.`, 'still'],
  'rollout-refused': [
    (f) => `The release ${f.release} of ${f.run} was not rolled out: ${f.code} ${f.message}`,
    'warn',
  ],
  'champion-targeted': [() => 'Every agent is to have the champion.', 'info'],
  'target-reported': [
    (f) =>
      f.outcome === 'applied'
        ? `An agent has ${f.release}.`
        : `An agent could not take ${f.release}: ${f.reason}`,
    'still',
  ],
}
