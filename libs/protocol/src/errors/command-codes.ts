/** 8xxx: the command line; 9xxx: our own faults. */
export const commandCodes = {
  'LRC-8001': {
    title: 'Command is not complete',
    meaning: 'An argument is missing, unknown, or has a value that cannot be used.',
    action: 'See `lorica COMMAND --help`.',
  },
  'LRC-8002': {
    title: 'Coordinator cannot be reached',
    meaning: 'Nothing answers at the address given.',
    action: 'Check --url or LORICA_URL, and that the coordinator runs.',
  },
  'LRC-8003': {
    title: 'File cannot be read or written',
    meaning: 'A path given on the command line is missing or not allowed.',
    action: 'Check the path and its permissions.',
  },
  'LRC-8004': {
    title: 'Confirmation is needed',
    meaning: 'The command changes or removes something and there is no terminal to ask.',
    action: 'Add --yes.',
  },
  'LRC-8005': {
    title: 'Code is not known',
    meaning: 'This version has no page for the code.',
    action: 'Check the spelling, or update Lorica.',
  },
  'LRC-8006': {
    title: 'Machine allows too few connections',
    meaning: 'The limit of open files or of local ports is below what the command needs.',
    action: 'Raise the limit that the error names, or ask for less.',
  },
  'LRC-8007': {
    title: 'Service cannot be set up',
    meaning:
      'The file of the service could not be written, or the service manager of the machine refused it.',
    action: 'Look at what it says; `lorica agent install-service --dry-run` prints what would be done.',
  },
  'LRC-8008': {
    title: 'Hub did not take the release',
    meaning:
      'A Hugging Face Hub refused what was pushed to it, or does not answer. A commit is there whole or not at all.',
    action:
      'Check the name of the repository, that the token may write to it, and HF_ENDPOINT; then push again.',
  },
  'LRC-9001': {
    title: 'Internal fault',
    meaning: 'Something happened that Lorica did not expect. This is a fault of Lorica.',
    action: 'Report it with the log; the state on disk is safe.',
  },
} as const
