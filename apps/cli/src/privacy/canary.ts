import { chanceExposure, exposure, exposureVerdict, extrapolatedExposure } from '@lorica/privacy'
import { Command } from 'commander'
import { withCode } from '../learning/errors.js'
import { runs } from '../screen/command.js'
import { count } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { accounted } from './accounted.js'
import { type AttackOptions, attackedTexts, withAttackOptions } from './attacked-texts.js'

/** `lorica privacy attack canary`: how far planted texts stand out. */
export function canaryCommand(): Command {
  const command = new Command('canary').description(
    'say how far texts that were planted in training data stand out from texts of the same form that were not, in bits',
  )
  withAttackOptions(command, {
    members: 'the canaries that were planted, a paragraph each: planted.txt of `lorica privacy canaries`',
    others: 'canaries of the same form that were not: left-out.txt, the more the better',
  })
  return runs(command, (options: AttackOptions, output) =>
    withCode('LRC-7004', () => attack(options, output)),
  )
}

async function attack(options: AttackOptions, output: Output): Promise<void> {
  const texts = await attackedTexts(options, output)
  const surprise = (kind: keyof typeof texts) =>
    texts[kind].map(
      ({ target }) => -Array.from(target.logProbabilities).reduce((sum, value) => sum + value, 0),
    )
  const [planted, others] = [surprise('members'), surprise('others')]
  const canaries = accounted(() =>
    planted.map((one) => ({
      exposure: exposure(one, others),
      extrapolated: others.length < 3 ? null : extrapolatedExposure(one, others),
    })),
  )
  const exposures = canaries.map((canary) => canary.exposure)
  const meanExposure = exposures.reduce((sum, bits) => sum + bits, 0) / exposures.length
  const verdict = exposureVerdict(exposures, others.length)
  const chance = chanceExposure(others.length)
  output.result({ planted: planted.length, others: others.length, meanExposure, chance, verdict, canaries }, [
    `${count(planted.length)} planted among ${count(others.length)} others: exposed by ${meanExposure.toFixed(2)} bits on average; by chance it would be ${chance.toFixed(2)}, and ${Math.log2(others.length).toFixed(2)} is the most that can be seen`,
    verdict === 'exposed'
      ? 'The adapter has learned what was planted: who guesses such texts tries the planted ones early.'
      : 'The planted texts do not stand out. Texts that are repeated more often, or an attacker who does better, might.',
  ])
}
