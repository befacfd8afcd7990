import { Command } from 'commander'
import { auditAttackCommand } from './audit-attack.js'
import { canaryCommand } from './canary.js'
import { inversionCommand } from './inversion.js'
import { membershipCommand } from './membership.js'

/** `lorica privacy attack`: what an adapter gives away to whoever has it. */
export function attackCommand(): Command {
  return new Command('attack')
    .description('attack an adapter of your own, with the base model as the reference')
    .addCommand(membershipCommand())
    .addCommand(canaryCommand())
    .addCommand(auditAttackCommand())
    .addCommand(inversionCommand())
}
