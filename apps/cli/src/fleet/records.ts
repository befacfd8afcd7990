import { Command } from 'commander'
import { runService } from './service.js'

/** `lorica audit`: the journal of a coordinator. */
export function auditCommand(): Command {
  const audit = new Command('audit').description(
    'the journal of a coordinator: every decision, in order, hash-chained',
  )
  onRecords(audit, 'tail').description('its last lines').option('--lines <n>', 'how many (default: 20)')
  onRecords(audit, 'verify')
    .description('whether each line follows from the one before')
    .option('--contains <hash>', 'a hash that was noted earlier has to be among them: nothing was cut off')
  return audit
}

/** `lorica store`: what a coordinator keeps. */
export function storeCommand(): Command {
  const store = new Command('store').description('what a coordinator keeps')
  onRecords(store, 'verify').description(
    'whether the journal and every blob, update and release is as it was written; also of a backup',
  )
  onRecords(store, 'backup')
    .description(
      'a copy that needs no database, with hashes of everything; the coordinator may run meanwhile',
    )
    .requiredOption('--out <folder>', 'a new folder')
  onRecords(store, 'restore')
    .description('the folder of a coordinator, and its store, from a backup that is checked first')
    .requiredOption('--from <folder>', 'the backup')
  onRecords(store, 'gc')
    .description(
      'says what nothing refers to, and with --yes removes it; the coordinator has to be stopped for that',
    )
    .option('--updates-older-than <duration>', 'also the updates of runs that ended so long ago, such as 30d')
    .option('--yes', 'remove it')
  return store
}

/** A command that the coordinator's own program answers, from its folder or its database server. */
function onRecords(parent: Command, verb: string): Command {
  return parent
    .command(verb)
    .option('--dir <folder>', 'the folder of the coordinator', 'lorica-coordinator')
    .option('--store <url>', 'postgres://… where its journal is not in the folder')
    .option('--json', 'print one JSON document on stdout')
    .action(async (_, command: Command) => {
      const given = command.options.flatMap((option) => {
        const value: unknown = command.getOptionValue(option.attributeName())
        if (value === undefined || value === false) return []
        return value === true ? [option.long ?? ''] : [option.long ?? '', String(value)]
      })
      process.exitCode = await runService('@lorica/coordinator/main', [parent.name(), verb, ...given])
    })
}
