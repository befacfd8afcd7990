/** 3xxx: runs, rounds and releases. */
export const runCodes = {
  'LRC-3001': {
    title: 'Run file is not valid',
    meaning: 'A field of the run is missing, unknown, or outside its limits. The text names it.',
    action: 'Correct the field; `lorica run lint -f run.yaml` checks a file without starting it.',
  },
  'LRC-3002': {
    title: 'Option is not available in this version',
    meaning: 'The run asks for something that this version does not do. It is refused rather than ignored.',
    action: 'Remove the option or set it to the value named, or update Lorica.',
  },
  'LRC-3003': {
    title: 'Base model cannot be used',
    meaning: 'The coordinator cannot read the base model of the run, or cannot put the adapter on it.',
    action:
      'Give a folder or .onnx file on the coordinator machine; `lorica inspect MODEL` says what it finds.',
  },
  'LRC-3004': {
    title: 'Run is not known',
    meaning: 'No run of this coordinator has this id or name.',
    action: 'List them with `lorica run list`.',
  },
  'LRC-3005': {
    title: 'Run has ended',
    meaning: 'The run succeeded, failed or was cancelled before.',
    action: 'Start a new run.',
  },
  'LRC-3006': {
    title: 'Too few agents can take part',
    meaning: 'A round could not get as many contributions as its minimum.',
    action:
      'See the reasons per agent with `lorica rounds show RUN N --why`; connect more agents or lower rounds.minimum.',
  },
  'LRC-3007': {
    title: 'Release is not known',
    meaning: 'No release of this coordinator has this name.',
    action: 'List them with `lorica releases list`.',
  },
  'LRC-3008': {
    title: 'Blob is not known',
    meaning: 'The coordinator has no bytes with this hash, or does not hand them out.',
    action: 'Check the hash; `lorica releases show` prints those of a release.',
  },
  'LRC-3009': {
    title: 'Run was cancelled',
    meaning: 'An operator cancelled the run.',
    action: 'Start a new run.',
  },
  'LRC-3010': {
    title: 'No such address',
    meaning: 'The coordinator has no such method and path.',
    action: 'Check the address and the version of both sides.',
  },
  'LRC-3011': {
    title: 'Base model changed on disk',
    meaning: 'The files of the base no longer have the hash that the run was started with.',
    action: 'Restore the files, or start a new run.',
  },
  'LRC-3012': {
    title: 'No candidate passed the gate',
    meaning:
      'Every candidate of the run was worse than what it would have replaced, or could not be measured.',
    action: 'See why with `lorica rounds list --why`; lower local.learningRate or widen evaluate.guards.',
  },
  'LRC-3013': {
    title: 'Round is not known',
    meaning: 'The run has not planned a round of this number.',
    action: 'List them with `lorica rounds list RUN`.',
  },
  'LRC-3014': {
    title: 'Settings exclude each other',
    meaning: 'Two settings of the run file do not go together; the message names both and says why.',
    action: 'Change one of the two, as the message says.',
  },
  'LRC-3015': {
    title: 'Round cannot be computed again',
    meaning:
      'The round was not committed, or its accepted updates were removed by `lorica store gc` or damaged.',
    action:
      'See which rounds were committed with `lorica rounds list RUN`; check the files with `lorica store verify`.',
  },
  'LRC-3016': {
    title: 'Privacy budget is spent',
    meaning:
      'Another round would bring a site above the epsilon of privacy.dp.budget, over everything that was released about it. What was released before stands.',
    action:
      'See what was spent with `lorica privacy ledger`. Another round needs a larger budget, or more noise; nothing gives spent privacy back.',
  },
  'LRC-3017': {
    title: 'Release is refuted by an audit',
    meaning:
      'An audit of the release shows more than its ledger promises: noise was missing, or more data counted than was accounted for. No alias names it, and it is not exported.',
    action:
      'See what was found with `lorica releases show RELEASE`. Use an earlier release, and find out what broke the promise before another run.',
  },
  'LRC-3018': {
    title: 'Alias cannot be used',
    meaning: 'It is no name that an alias may have, or no release has it.',
    action: 'Choose a name such as champion; `lorica releases alias list` shows those that are set.',
  },
  'LRC-3019': {
    title: 'Rollout is not known',
    meaning: 'No rollout of this coordinator has this id.',
    action: 'List them with `lorica rollout history`.',
  },
  'LRC-3020': {
    title: 'Rollout plan cannot be used',
    meaning:
      'A field of the plan is wrong, a group has no agents or is not larger than the one before it, or the last group is not the whole fleet. The text names it.',
    action: 'Correct the plan; `lorica rollout plan` shows its groups without starting anything.',
  },
  'LRC-3021': {
    title: 'No champion to compare with',
    meaning:
      'A rollout compares a release with the champion of the fleet and goes back to it, and no release has that alias. In a new fleet the base as it is becomes the first champion; here agents have a release already that lost the alias, or keep parts of the adapter, which a base does not have.',
    action:
      'Make one the champion, and with it the release of every agent: `lorica releases alias set champion v1`.',
  },
  'LRC-3022': {
    title: 'Another rollout is open',
    meaning:
      'One rollout at a time changes what the fleet serves, and while it does, nothing else moves the champion.',
    action: 'Wait for its end with `lorica rollout watch`, or end it with `lorica rollout abort`.',
  },
  'LRC-3023': {
    title: 'Rollout is not in a state for this',
    meaning:
      'What was asked does not go with the state of the rollout, such as undoing one that never reached everybody.',
    action: 'See its state with `lorica rollout watch`.',
  },
  'LRC-3024': {
    title: 'No candidate waits for a person',
    meaning: 'The guards of the run left nothing open, or the candidate was decided over before.',
    action: 'See what the run waits for with `lorica run show`.',
  },
  'LRC-3025': {
    title: 'Webhook of a rollout did not answer',
    meaning:
      'A webhook that decides over a rollout gave no answer in its time, answered with an error, or is not one that this coordinator knows. The rollout is paused, and nothing changes.',
    action:
      'See that it answers, then `lorica rollout resume` asks it again; or decide yourself with `lorica rollout promote` or `abort`.',
  },
  'LRC-3026': {
    title: 'Answer of a webhook cannot be understood',
    meaning:
      'A webhook that decides over a rollout answered something else than a JSON object with "decision": "proceed", "halt" or "inconclusive". The rollout is paused, and nothing changes.',
    action:
      'Correct the webhook, then `lorica rollout resume` asks it again; or decide yourself with `lorica rollout promote` or `abort`.',
  },
} as const
