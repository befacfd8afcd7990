/** 5xxx: the folder of a coordinator or agent. */
export const storeCodes = {
  'LRC-5001': {
    title: 'Journal is damaged',
    meaning:
      'A line of the journal was changed, removed or reordered: its hash does not follow from the line before.',
    action:
      'Do not edit the journal. Restore the folder from a backup with `lorica store restore`; the text names the line.',
  },
  'LRC-5002': {
    title: 'Stored file is damaged',
    meaning: 'A stored file does not have the hash that is its name.',
    action: 'Check the disk and restore the file from a backup.',
  },
  'LRC-5003': {
    title: 'Folder is in use',
    meaning: 'Another process works in this folder, or on this store.',
    action:
      'Stop the other process, or use another folder. One that has ended, or is stopped for 20 seconds, is replaced.',
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
  'LRC-5006': {
    title: 'Store is damaged',
    meaning:
      'The database of the coordinator is not as it was written: a page is damaged, or lines that were safe are gone.',
    action: 'Check the disk, keep the damaged folder aside, and make a new one with `lorica store restore`.',
  },
  'LRC-5007': {
    title: 'Store is newer',
    meaning:
      'A newer version of Lorica wrote this store or backup. Older versions do not change what they do not know.',
    action: 'Use the version that wrote it, or a later one.',
  },
  'LRC-5008': {
    title: 'Coordinator was replaced',
    meaning:
      'Another coordinator took the lead of the store, because this one had not renewed its lease: it was paused, or cut off.',
    action:
      'Nothing is lost: agents find the other one at the same address. Stop this one for good, or the other one first.',
  },
  'LRC-5009': {
    title: 'Store cannot be reached',
    meaning: 'The database server does not answer, or refuses.',
    action: 'Check the URL, the server and its log; the coordinator goes on by itself when it answers again.',
  },
  'LRC-5010': {
    title: 'Backup is not whole',
    meaning: 'The folder is no backup, one that was interrupted, or a file of it is missing or damaged.',
    action: 'Use another backup; `lorica store verify --dir BACKUP` says what is wrong with one.',
  },
  'LRC-5011': {
    title: 'Folder and store do not belong together',
    meaning: 'The folder has worked with another store, or the store with another coordinator.',
    action:
      'Give the store that the folder was made with; move a coordinator with `lorica store backup` and `restore`.',
  },
  'LRC-5012': {
    title: 'Keys or roots of the fleet cannot be used',
    meaning:
      'The folder "trust" of the coordinator has no private key that its newest root lets sign releases, or a file of it is damaged.',
    action:
      'Restore the folder from a backup, or publish a root that names a release key which is here: see `lorica trust --help`.',
  },
  'LRC-5013': {
    title: 'Folder has another root',
    meaning:
      'A coordinator begins with one root, once. The folder has one already, and `--root` names another, or its keys were to be made anew.',
    action:
      'Leave `--root` out to go on, or use a new folder. Who may sign is changed with `lorica trust draft`, `sign` and `publish`.',
  },
  'LRC-5014': {
    title: 'Coordinator waits for its root',
    meaning:
      'Its keys were made with `lorica trust prepare`, so that its root is signed elsewhere. It makes none by itself.',
    action: 'Start it with `--root FILE`: see `lorica trust --help`.',
  },
} as const
