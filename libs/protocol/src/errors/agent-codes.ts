/** 6xxx: what an agent says about itself. */
export const agentCodes = {
  'LRC-6001': {
    title: 'Private data cannot be read',
    meaning:
      'A data file or folder is missing or unreadable, or what is in it is not what was expected: text, records of a known form, labels of the model, pictures.',
    action: 'Check the path. Where the message says what was expected in a file, correct the file there.',
  },
  'LRC-6002': {
    title: 'Private data is too small',
    meaning: 'There is not enough text for training and for held-out evaluation.',
    action: 'Give more text with --data.',
  },
  'LRC-6003': {
    title: 'Training engine failed',
    meaning:
      'The process that trains crashed, hung or ran out of memory, and again when it was tried once more with half the rows at a time. The agent itself goes on.',
    action: 'See the log of the agent; lower local.batch or data.maxTokens if memory ran out.',
  },
  'LRC-6004': {
    title: 'Refused by the policy of the site',
    meaning: 'The policy on this machine does not allow what the run asks for.',
    action: 'Change the run, or ask the owner of the machine to change the policy file.',
  },
  'LRC-6005': {
    title: 'Release does not verify',
    meaning: 'The signature, the hash of a file, or the base of a release is wrong. It was not applied.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6006': {
    title: 'Release is older than the one in use',
    meaning: 'Versions only grow; an older one is not applied.',
    action: 'Nothing to do, unless the coordinator was restored from an old backup.',
  },
  'LRC-6007': {
    title: 'Downloaded file is damaged',
    meaning: 'The bytes received do not have the hash that was announced.',
    action: 'The agent downloads it again; if it repeats, check the disk of both machines.',
  },
  'LRC-6008': {
    title: 'Agent is paused',
    meaning: 'The owner of the machine paused the agent.',
    action: 'Resume it with `lorica agent resume`.',
  },
  'LRC-6009': {
    title: 'Not enough disk space',
    meaning: 'The base model or an adapter does not fit on the disk of the agent.',
    action: 'Free some space or move the folder of the agent.',
  },
  'LRC-6010': {
    title: 'Agent is stopping',
    meaning: 'The agent was told to stop and gives its assignment back.',
    action: 'Nothing to do.',
  },
  'LRC-6011': {
    title: 'Training diverged',
    meaning: 'The loss on this agent became infinite or not a number, so nothing was sent.',
    action: 'Lower local.learningRate or local.clipNorm, and look at the data of that agent.',
  },
  'LRC-6012': {
    title: 'Runtime or device cannot be used',
    meaning:
      'What was chosen with --runtime and --device does not work on this machine. Nothing else is used instead.',
    action: 'See what this machine can use with `lorica doctor`.',
  },
  'LRC-6013': {
    title: 'Native part cannot be installed',
    meaning:
      'The download or the build of a native library did not succeed. What was installed before still works.',
    action:
      'Run `lorica setup tfjs-gpu --help` for other routes, or use a device that `lorica doctor` lists.',
  },
  'LRC-6014': {
    title: 'Private data has another form',
    meaning: 'The run asks for data of one form (data.format), and a file of this agent is not of it.',
    action: 'Give a file of that form with --data, or change data.format of the run.',
  },
  'LRC-6015': {
    title: 'Machine is needed by its owner',
    meaning:
      'The policy of the site has the agent yield while other programs are busy, on battery, or above a temperature, and this holds now.',
    action: 'Nothing to do: the agent takes work again when the machine is free.',
  },
  'LRC-6016': {
    title: 'Round does not fit on the disk',
    meaning:
      'The base, the adapter and the update of a round need more space than is free on the machine of the agent, so it was declined before anything was downloaded.',
    action: 'Free as many megabytes as the message says, or move the folder of the agent.',
  },
  'LRC-6017': {
    title: 'Secure sum does not protect enough',
    meaning:
      'The terms of a secure sum leave less protection than this agent demands: a sum of too few agents, a threshold that half of them reach, or a ring in which sums could wrap. Or an update or a loss would leave in the clear, in a run of which something left masked before.',
    action:
      'Raise privacy.secureAggregation.minSurvivors, or ask the owner of the machine what its policy demands.',
  },
  'LRC-6018': {
    title: 'Secure sum has a wrong list of agents',
    meaning:
      'The coordinator told this agent a list that is too short, leaves it out, or contradicts an earlier one. Nothing was revealed. An honest coordinator does not do this.',
    action: 'Check who operates the coordinator, and that its software is unchanged.',
  },
  'LRC-6019': {
    title: 'Keys of a secure sum do not verify',
    meaning:
      'Keys or confirmations that an agent is said to have made are not signed by it, were used before, or the identity of an agent is not the one that this agent knows.',
    action:
      'Check who operates the coordinator. Each key of an agent proves the next one; an agent whose proofs its coordinator does not have joins anew.',
  },
  'LRC-6020': {
    title: 'Shares of a secure sum do not open',
    meaning:
      'Shares that were sealed for this agent are missing or were changed on their way, so nothing was sent or revealed.',
    action: 'Nothing to do once. If it repeats, check the coordinator and the agent that is named.',
  },
  'LRC-6021': {
    title: 'Privacy budget of the data is used up',
    meaning:
      'The agent keeps count of what was released about its data and the examples in it. Another round would bring it above the budget of the run or of the site, so nothing left.',
    action:
      'Ask for more noise or fewer steps, or let the owner of the machine raise privacy.maxEpsilon or siteBudget.maxEpsilon in policy.yaml, who then promises less. What is spent is in privacy.json, in the folder of the agent.',
  },
  'LRC-6022': {
    title: 'Target does not verify',
    meaning:
      'A target says which release an agent is to have. The signature of this one is not by the coordinator of the fleet, its text was changed, or it is for another fleet. Nothing changed.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6023': {
    title: 'Target is older than the one in use',
    meaning:
      'The serials of targets only grow, also when a fleet goes back to an older release. This one is below the highest that the agent was given, or is another target with the same serial. Nothing changed.',
    action:
      'If the coordinator was restored from an old backup, issue a new target with `lorica rollout undo` until its serial is above that of the agent. Otherwise somebody replays what was said before.',
  },
  'LRC-6024': {
    title: 'Target has expired',
    meaning:
      'A target is good for a limited time, so that nobody can hold a fleet back with one that was true once. What is in use stays.',
    action: 'Check the clocks of both machines, and that the agent reaches its own coordinator.',
  },
  'LRC-6025': {
    title: 'Target and release do not belong together',
    meaning: 'The release that came with a target is not the one that it names by hash. Nothing changed.',
    action: 'Do not force it. Check who operates the coordinator.',
  },
  'LRC-6026': {
    title: 'Release does not answer',
    meaning:
      'The program that serves on this machine loaded the release beside the one in use, and it did not fit, did not answer the self-test, or did not do so in time. What was served stays.',
    action: 'See the log of `lorica agent serve` on that machine.',
  },
} as const
