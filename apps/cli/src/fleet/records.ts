import { Command } from 'commander'
import { runService } from './service.js'

interface RecordsOptions {
  readonly dir: string
  readonly lines?: string
  readonly contains?: string
  readonly json?: boolean
}

/** `lorica audit`: the journal of a coordinator, read from its folder. */
export function auditCommand(): Command {
  const audit = new Command('audit').description(
    'the journal of a coordinator: every decision, in order, hash-chained',
  )
  onFolder(audit.command('tail'), ['audit', 'tail'])
    .description('its last lines')
    .option('--lines <n>', 'how many (default: 20)')
  onFolder(audit.command('verify'), ['audit', 'verify'])
    .description('whether each line follows from the one before')
    .option('--contains <hash>', 'a hash that was noted earlier has to be among them: nothing was cut off')
  return audit
}

/** `lorica store`: what a coordinator keeps, read from its folder. */
export function storeCommand(): Command {
  const store = new Command('store').description('what a coordinator keeps')
  onFolder(store.command('verify'), ['store', 'verify']).description(
    'whether every blob, update and release is as it was written; the coordinator may run meanwhile',
  )
  return store
}

function onFolder(command: Command, verb: readonly string[]): Command {
  return command
    .option('--dir <folder>', 'the folder of the coordinator', 'lorica-coordinator')
    .option('--json', 'print one JSON document on stdout')
    .action(async ({ dir, lines, contains, json }: RecordsOptions) => {
      process.exitCode = await runService('@lorica/coordinator/main', [
        ...[...verb, '--dir', dir],
        ...(lines === undefined ? [] : ['--lines', lines]),
        ...(contains === undefined ? [] : ['--contains', contains]),
        ...(json ? ['--json'] : []),
      ])
    })
}
