/** 4xxx: why an update was refused. */
export const updateCodes = {
  'LRC-4001': {
    title: 'Assignment is not yours',
    meaning: 'The update names an assignment that this agent was never given.',
    action: 'Wait for the next assignment; the agent does this by itself.',
  },
  'LRC-4002': {
    title: 'Round is closed',
    meaning: 'The update arrived after its round had closed.',
    action:
      'Nothing is lost but this update: the agent takes part in the next round. Raise or remove rounds.deadline if it is often late.',
  },
  'LRC-4003': {
    title: 'Update has the wrong size',
    meaning: 'The announced or received number of bytes is not what the adapter needs.',
    action: 'Update the agent; the text says which size was expected.',
  },
  'LRC-4004': {
    title: 'Chunk has the wrong offset',
    meaning: 'Chunks are appended in order without holes.',
    action: 'Continue from the expected offset; the agent does this by itself.',
  },
  'LRC-4005': {
    title: 'Upload is not known',
    meaning: 'The upload was finished, dropped or never opened.',
    action: 'Open it again; the answer tells from where to continue.',
  },
  'LRC-4006': {
    title: 'Update does not have the announced hash',
    meaning: 'The bytes received are not the bytes announced.',
    action:
      'The agent sends it again from the start; if it repeats, check the memory and disk of both machines.',
  },
  'LRC-4007': {
    title: 'Update is not a readable safetensors file',
    meaning: 'The header, the offsets or the length of the file are wrong.',
    action: 'Update the agent.',
  },
  'LRC-4008': {
    title: 'Update has the wrong tensors',
    meaning: 'A tensor of the adapter is missing, or there is one that the adapter does not have.',
    action: 'Check that the agent trains the adapter of this round.',
  },
  'LRC-4009': {
    title: 'Tensor has the wrong shape',
    meaning: 'A tensor of the update does not have the shape that the adapter has.',
    action: 'Check that rank and targets are those of the run.',
  },
  'LRC-4010': {
    title: 'Update has the wrong encoding',
    meaning:
      'Updates travel as the run says in update.encoding, or as f32; a tensor or its scales are of another element type.',
    action: 'Update the agent; the text says what was expected.',
  },
  'LRC-4011': {
    title: 'Tensor holds values that are not finite',
    meaning: 'The update holds NaN or infinity: the training on that agent diverged.',
    action: 'Lower local.learningRate or local.clipNorm, and look at the data of that agent.',
  },
  'LRC-4012': {
    title: 'Update is too large in norm',
    meaning: 'The L2 norm of the update is above the bound of the run.',
    action: 'Check that the agent clips to privacy.clip; an honest agent never exceeds it.',
  },
  'LRC-4013': {
    title: 'Another update was accepted before',
    meaning: 'An agent contributes one update to a round; a second, different one is refused.',
    action: 'Nothing to do; the first one counts.',
  },
  'LRC-4014': {
    title: 'Counts cannot be true',
    meaning: 'The update claims more examples or tokens than its assignment allows.',
    action: 'Update the agent; the text says what the assignment allows.',
  },
  'LRC-4015': {
    title: 'Too many uploads at once',
    meaning: 'One agent may have only a few updates half sent.',
    action: 'Finish or drop the open uploads first.',
  },
  'LRC-4016': {
    title: 'Round was abandoned',
    meaning:
      'The round did not reach its minimum, or its run was cancelled; its accepted updates are not used.',
    action: 'See the reasons with `lorica rounds list --why`.',
  },
  'LRC-4017': {
    title: 'Update is too old',
    meaning:
      'The update started from an adapter that is more releases behind than rounds.buffer.maxStaleness allows.',
    action:
      'The agent has a new assignment from the newest adapter, or gets one in the next round. Raise rounds.buffer.maxStaleness if it is often too late.',
  },
  'LRC-4018': {
    title: 'Secure sum was not finished',
    meaning:
      'Too few agents stayed until the sum of their masked updates or losses could be unmasked, one of them did not keep to the protocol, or the coordinator was restarted meanwhile. Nothing of any one of them became known.',
    action:
      'A round is tried again with fresh keys, without training again; a measurement with the agents that are left, and where that fails too the candidate counts as not measured. If it repeats, see `lorica rounds show RUN N --why`, or lower privacy.secureAggregation.minSurvivors.',
  },
  'LRC-4019': {
    title: 'Step of a secure sum is not expected',
    meaning:
      'The agent took a step of a secure sum that is over, that it does not take part in, or that it took before in another way, or it sent a loss in the clear that was to be masked: nothing of it was kept. An agent that was restarted meanwhile has lost its keys, and drops out.',
    action: 'Nothing to do: the agent takes part in the next sum.',
  },
} as const
