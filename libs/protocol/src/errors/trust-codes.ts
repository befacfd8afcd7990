/** 61xx: why an agent does not trust what it was given. What it had stays in use. */
export const trustCodes = {
  'LRC-6101': {
    title: 'Signed by a key that may not sign',
    meaning:
      'A release or a target is not signed by a release key that the root of the fleet names. It was not applied.',
    action:
      'Do not force it: whoever sent it does not have the release key. See who may sign with `lorica trust show`.',
  },
  'LRC-6102': {
    title: 'Signed by a revoked key',
    meaning: 'The root of the fleet says that nothing which this key signed is trusted again.',
    action:
      'Whoever has that key was meant to lose it: find out who used it. The coordinator signs with the key that is in force.',
  },
  'LRC-6103': {
    title: 'Root cannot be read',
    meaning: 'A root document has a wrong field, or is not canonical JSON. The root in use stays.',
    action: 'Make it with `lorica trust draft`, and sign it with `lorica trust sign`.',
  },
  'LRC-6104': {
    title: 'Root has too few signatures',
    meaning:
      'A new root is signed by the threshold of the root keys before it and by the threshold of its own. One of the two is missing. The root in use stays.',
    action:
      'See which keys have signed with `lorica trust show FILE`, and add a signature with `lorica trust sign FILE --key KEY`.',
  },
  'LRC-6105': {
    title: 'Root does not follow',
    meaning:
      'The version of a root is not the one after the root in use, or it is another root of a version that was seen before.',
    action:
      'Draft it from the root in use with `lorica trust draft`. Where an agent says it, check who operates the coordinator, or whether it was restored from an old backup.',
  },
  'LRC-6106': {
    title: 'Document is of another fleet',
    meaning: 'A root, a release or a target is signed well, but for another fleet. It was not applied.',
    action: 'Check who operates the coordinator. What one fleet released is not for another one.',
  },
  'LRC-6107': {
    title: 'Trust has expired',
    meaning:
      'The root of the fleet, or the target of this agent, is past its date: whoever hides newer ones could keep this agent on an old release for ever. Nothing new is applied; what is in use stays.',
    action:
      'Check the clock of this machine. Operators make the next root with `lorica trust draft`, `sign` and `publish`.',
  },
  'LRC-6108': {
    title: 'Release is for another base',
    meaning: 'The release was made for another base model than the run that it says it is of.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6109': {
    title: 'Release has another name',
    meaning:
      'The name of a release does not go with its version, or it is not the release that was asked for.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6110': {
    title: 'Release is too large',
    meaning:
      'The files of a release are larger than an adapter may be, or more bytes came than its manifest says. The download was stopped.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6111': {
    title: 'Release has files that no adapter has',
    meaning:
      'A release is an adapter: its configuration and its weights. Another file is not downloaded, whoever signed it.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6112': {
    title: 'Root is not the one of the join link',
    meaning:
      'The join link names the root that says who may sign for the fleet, and the coordinator shows another one, or none. Nothing is taken of it.',
    action:
      'Do not force it: whoever made the link meant other keys than this coordinator has. Compare with `lorica trust show`, and ask the operator for a new link over another way.',
  },
} as const
