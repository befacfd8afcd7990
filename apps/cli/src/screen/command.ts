import type { Command } from 'commander'
import { failureOf, printFailure } from './failure.js'
import { createOutput, type Output } from './output.js'

/** Adds `--json` to a command and runs `action` with its options; a thrown error becomes one printed failure and exit status 1, or 2 when the command line is wrong. */
export function runs<Options>(
  command: Command,
  action: (options: Options, output: Output, args: readonly string[]) => Promise<void>,
  json = 'print one JSON document on stdout',
): Command {
  return command.option('--json', json).action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command
    const options = self.opts<Options & { json?: boolean }>()
    const output = createOutput(options.json === true)
    try {
      await action(options, output, self.args)
    } catch (error) {
      output.settle()
      const failure = failureOf(error)
      printFailure(failure, output.json)
      process.exitCode = failure.code === 'LRC-8001' ? 2 : 1
    }
  })
}

/** For options that may be given several times, or several values at once. */
export function collect(value: string, so: readonly string[] = []): readonly string[] {
  return [...so, value]
}
