import { createRandom } from '@lorica/peft-core'
import {
  type Interval,
  type MembershipScore,
  membershipScores,
  type Separation,
  type SeparationIntervals,
  scoresOf,
  separation,
  separationIntervals,
} from '@lorica/privacy'
import { Command } from 'commander'
import { withCode } from '../learning/errors.js'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { table } from '../screen/format.js'
import type { Output } from '../screen/output.js'
import { accounted } from './accounted.js'
import { type AttackOptions, attackedTexts, withAttackOptions } from './attacked-texts.js'

interface MembershipOptions extends AttackOptions {
  readonly resamples: number
}

interface Finding extends Separation {
  readonly intervals: SeparationIntervals
}

/** `lorica privacy attack membership`: whether an adapter gives away who was in its training data. */
export function membershipCommand(): Command {
  const command = new Command('membership')
    .description('tell texts that an adapter was trained on from texts of the same kind that it was not')
    .option('--resamples <n>', 'draws of the bootstrap intervals', positiveInteger, 500)
  withAttackOptions(command, {
    members: 'texts that it was trained on (.txt: paragraphs; .jsonl: a "text" each)',
    others: 'texts of the same source that it was not trained on: a random half, not another book',
  })
  return runs(command, (options: MembershipOptions, output) =>
    withCode('LRC-7004', () => attack(options, output)),
  )
}

async function attack(options: MembershipOptions, output: Output): Promise<void> {
  const { members, others } = await attackedTexts(options, output)
  const found = accounted(() => [members.map(scoresOf), others.map(scoresOf)] as const)
  output.progress('drawing the intervals …')
  const random = createRandom(1, 'membership intervals')
  const scores = Object.fromEntries(
    membershipScores.map((name): readonly [MembershipScore, Finding] => {
      const [inside, outside] = found.map((texts) => texts.map((scores) => scores[name])) as [
        number[],
        number[],
      ]
      const draws = { resamples: options.resamples, uniform: random.uniform }
      return [
        name,
        { ...separation(inside, outside), intervals: separationIntervals(inside, outside, draws) },
      ]
    }),
  ) as Readonly<Record<MembershipScore, Finding>>
  output.result({ members: members.length, others: others.length, scores }, linesOf(scores, others.length))
}

function linesOf(scores: Readonly<Record<MembershipScore, Finding>>, others: number): readonly string[] {
  const cell = (share: number, { low, high }: Interval) =>
    `${share.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`
  const leaks = membershipScores.filter((name) => scores[name].intervals.auc.low > 0.5)
  return [
    ...table([
      ['score', 'area under curve', 'found at 1 % false alarms', 'at 0.1 %'],
      ...membershipScores.map((name) => {
        const { auc, tprAt1Percent, tprAt01Percent, intervals } = scores[name]
        return [
          name,
          cell(auc, intervals.auc),
          cell(tprAt1Percent, intervals.tprAt1Percent),
          cell(tprAt01Percent, intervals.tprAt01Percent),
        ]
      }),
    ]),
    '',
    leaks.length === 0
      ? 'None of the scores tells members from others better than guessing. A better attack might.'
      : `The adapter gives away which texts it was trained on, by: ${leaks.join(', ')}.`,
    ...(others < 1000 ? [`With ${others} others, 0.1 % means no false alarm at all.`] : []),
  ]
}
