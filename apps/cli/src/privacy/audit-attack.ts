import { auditCanaries, type MembershipScore, membershipScores, scoresOf } from '@lorica/privacy'
import { Command, Option } from 'commander'
import { withCode } from '../learning/errors.js'
import { probability } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { count } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { accounted } from './accounted.js'
import { type AttackOptions, attackedTexts, withAttackOptions } from './attacked-texts.js'

interface AuditOptions extends AttackOptions {
  readonly delta: number
  readonly significance: number
  readonly score: MembershipScore
}

/** `lorica privacy attack audit`: an epsilon below which the training cannot have been. */
export function auditAttackCommand(): Command {
  const command = new Command('audit')
    .description(
      'a lower bound on epsilon, from canaries of which a coin each decided whether they were trained on',
    )
    .option('--delta <d>', 'the delta of the promise that is audited', probability, 1e-5)
    .option('--significance <p>', 'the chance that the bound is above the truth, at most', probability, 0.05)
    .addOption(
      new Option('--score <name>', 'what tells who was in; choose before you look at what it gives')
        .choices([...membershipScores])
        .default('loss'),
    )
  withAttackOptions(command, {
    members: 'the canaries that were trained on, a paragraph each: planted.txt of `lorica privacy canaries`',
    others: 'those that the coin left out: left-out.txt',
  })
  return runs(command, (options: AuditOptions, output) => withCode('LRC-7004', () => audit(options, output)))
}

async function audit(options: AuditOptions, output: Output): Promise<void> {
  const { delta, significance, score } = options
  const { members, others } = await attackedTexts(options, output)
  const found = accounted(() => {
    const scores = (texts: typeof members) => texts.map((text) => scoresOf(text)[score])
    return auditCanaries(scores(members), scores(others), delta, significance)
  })
  const { canaries, guesses, correct, epsilonLowerBound } = found
  output.result({ ...found, delta, score }, [
    `epsilon is at least ${epsilonLowerBound.toFixed(4)} at delta ${delta}, but for a chance of ${significance}`,
    `(${count(correct)} of ${count(guesses)} guesses about ${count(canaries)} canaries were right)`,
    'True only if a coin of its own decided about each canary, as `lorica privacy canaries` does, and each was one record.',
  ])
}
