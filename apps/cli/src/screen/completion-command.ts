import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { commandTree } from './command-tree.js'
import { completionScript, type Shell, shells } from './completion.js'
import { failureOf, printFailure } from './failure.js'

/** `lorica completion`: what a shell needs to complete `commands`. */
export function completionCommand(commands: () => Promise<readonly Command[]>): Command {
  return new Command('completion')
    .description('print what lets a shell complete commands and options')
    .argument('<shell>', shells.join(', '))
    .addHelpText('after', '\nFor bash, in ~/.bashrc:  source <(lorica completion bash)')
    .action(async (shell: string) => {
      if (!isShell(shell)) {
        const error = new LoricaError('LRC-8001', `no completion for "${shell}"`, {
          expected: shells.join(', '),
          received: shell,
        })
        printFailure(failureOf(error), false)
        process.exitCode = 2
        return
      }
      const program = new Command('lorica')
      for (const command of await commands()) program.addCommand(command)
      process.stdout.write(completionScript(shell, commandTree(program)))
    })
}

const isShell = (text: string): text is Shell => (shells as readonly string[]).includes(text)
