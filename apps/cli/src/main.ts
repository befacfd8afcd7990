import { Command, type CommanderError } from 'commander'
import { agentCommand } from './fleet/agent.js'
import { agentsCommand } from './fleet/agents.js'
import { coordinatorCommand } from './fleet/coordinator.js'
import { operatorsCommand } from './fleet/operators.js'
import { auditCommand, storeCommand } from './fleet/records.js'
import { releasesCommand } from './fleet/releases.js'
import { roundsCommand } from './fleet/rounds.js'
import { runCommand } from './fleet/run.js'
import { aggregateCommand } from './learning/aggregate.js'
import { benchCommand } from './learning/bench.js'
import { benchAggregateCommand } from './learning/bench-aggregate.js'
import { evalCommand } from './learning/eval.js'
import { generateCommand } from './learning/generate.js'
import { gradCommand } from './learning/grad.js'
import { inspectCommand } from './learning/inspect.js'
import { mergeCommand } from './learning/merge.js'
import { quantizeCommand } from './learning/quantize.js'
import { trainCommand } from './learning/train.js'
import { benchFleetCommand } from './load/command.js'
import { doctorCommand } from './machine/doctor.js'
import { setupCommand } from './machine/setup.js'
import { benchSecureSumCommand } from './privacy/bench-secure-sum.js'
import { privacyCommand } from './privacy/privacy.js'
import { explainCommand } from './screen/explain.js'
import { printFailure } from './screen/failure.js'
import { benchServeCommand } from './serving/bench-serve.js'
import { serveCommand } from './serving/serve.js'

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

program.commandsGroup('Fleet:')
for (const command of [
  coordinatorCommand(),
  agentCommand(),
  agentsCommand(),
  operatorsCommand(),
  runCommand(),
  roundsCommand(),
  releasesCommand(),
  auditCommand(),
  storeCommand(),
])
  program.addCommand(command)
program.commandsGroup('Learning on this machine:')
for (const command of [
  trainCommand(),
  evalCommand(),
  generateCommand(),
  serveCommand(),
  gradCommand(),
  inspectCommand(),
  mergeCommand(),
  aggregateCommand(),
  quantizeCommand(),
  benchCommand()
    .addCommand(benchAggregateCommand())
    .addCommand(benchServeCommand())
    .addCommand(benchFleetCommand())
    .addCommand(benchSecureSumCommand()),
])
  program.addCommand(command)
program.commandsGroup('Privacy:')
program.addCommand(privacyCommand())
program.commandsGroup('This machine:')
program.addCommand(doctorCommand())
program.addCommand(setupCommand())
program.commandsGroup('Help:')
program.addCommand(explainCommand())

for (const command of program.commands) inherit(command, program)

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
