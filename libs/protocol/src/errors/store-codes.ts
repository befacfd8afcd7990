/** 5xxx: the folder of a coordinator or agent. */
export const storeCodes = {
  'LRC-5001': {
    title: 'Journal is damaged',
    meaning:
      'A line of the journal was changed, removed or reordered: its hash does not follow from the line before.',
    action: 'Do not edit the journal. Restore the folder from a backup; the text names the line.',
  },
  'LRC-5002': {
    title: 'Stored file is damaged',
    meaning: 'A stored file does not have the hash that is its name.',
    action: 'Check the disk and restore the file from a backup.',
  },
  'LRC-5003': {
    title: 'Folder is in use',
    meaning: 'Another process works in this folder.',
    action: 'Stop the other process, or use another folder.',
  },
  'LRC-5004': {
    title: 'Folder cannot be used',
    meaning: 'A file of the folder is missing, unreadable, or belongs to something else.',
    action: 'Check the path, its permissions and the free space.',
  },
  'LRC-5005': {
    title: 'Disk is full',
    meaning: 'There is no space left for updates or releases.',
    action: 'Free some space; the coordinator goes on by itself.',
  },
} as const
