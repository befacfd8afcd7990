import { Command } from 'commander'
import { epsilonCommand } from './epsilon.js'
import { noiseCommand } from './noise.js'

/** `lorica privacy`: what noise promises. */
export function privacyCommand(): Command {
  return new Command('privacy')
    .description('say what noise promises about the data, and how much of it a promise takes')
    .addCommand(epsilonCommand())
    .addCommand(noiseCommand())
}
