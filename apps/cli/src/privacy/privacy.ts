import { Command } from 'commander'
import { privacyAuditCommand } from '../fleet/privacy-audit.js'
import { privacyLedgerCommand } from '../fleet/privacy-ledger.js'
import { attackCommand } from './attack.js'
import { canariesCommand } from './canaries.js'
import { epsilonCommand } from './epsilon.js'
import { noiseCommand } from './noise.js'

/** `lorica privacy`: what noise promises, and what attacks find. */
export function privacyCommand(): Command {
  return new Command('privacy')
    .description('say what noise promises about the data, and attack what was trained on it')
    .addCommand(epsilonCommand())
    .addCommand(noiseCommand())
    .addCommand(attackCommand())
    .addCommand(canariesCommand())
    .addCommand(privacyLedgerCommand())
    .addCommand(privacyAuditCommand())
}
