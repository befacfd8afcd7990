import { Command, type CommanderError } from 'commander'
import { groupsFor } from './commands.js'
import { printFailure } from './screen/failure.js'

const exits = `
Exit status: 0 done, 1 refused or failed (the error says why), 2 the command line is wrong.`

/** A reader that has seen enough (`lorica inspect M | head`) is no fault. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const program = new Command('lorica')
  .description('Fine-tune one model across many machines without moving their data.')
  .version('0.1.0')
  .showHelpAfterError('(lorica COMMAND --help shows what it takes)')
  .addHelpText('after', exits)
  .exitOverride(endCommandLine)

for (const { title, commands } of groupsFor(process.argv.slice(2))) {
  program.commandsGroup(title)
  for (const load of Object.values(commands)) program.addCommand(await load())
}
for (const command of program.commands) inherit(command, program)
program.helpCommand(true) // in the last of these groups

await program.parseAsync()

/** Ends after help, the version, or a wrong command line, which commander has explained on stderr. */
function endCommandLine({ exitCode, code, message }: CommanderError): never {
  if (exitCode === 0) process.exit(0)
  if (process.argv.includes('--json')) {
    const reason = code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '')
    printFailure({ code: 'LRC-8001', message: reason, action: 'See `lorica COMMAND --help`.' }, true)
  }
  process.exit(2)
}

/** A command that was made apart takes how the program reports a wrong command line, and so do its own commands. */
function inherit(command: Command, from: Command): void {
  command.copyInheritedSettings(from)
  for (const child of command.commands) inherit(child, command)
}
