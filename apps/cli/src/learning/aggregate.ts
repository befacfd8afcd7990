import { join } from 'node:path'
import {
  type Aggregate,
  type Aggregation,
  filePool,
  openAdapterFolder,
  openBlocking,
  readAdapter,
  strategyOf,
  writeAdapter,
} from '@lorica/peft-core'
import { LoricaError } from '@lorica/protocol'
import { Command } from 'commander'
import { positiveInteger } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'
import { expectNewFolder } from '../screen/place.js'
import { aggregateLines } from './aggregate-report.js'
import { type RuleOptions, ruleOf, withRuleOptions } from './aggregate-rule.js'
import { type StrategyOptions, specOf, withStrategyOptions } from './aggregate-strategy.js'
import { type Classes, classesFile, readClasses } from './classes-file.js'
import { withCode } from './errors.js'

interface AggregateOptions extends StrategyOptions, RuleOptions {
  readonly out: string
  readonly start?: string
  readonly round: number
  readonly measure: boolean
}

/** An adapter folder of the command line, with its weight. */
interface Weighted {
  readonly folder: string
  readonly weight: number
}

/** `lorica aggregate`: one adapter of many, from any PEFT trainer. */
export function aggregateCommand(): Command {
  const command = new Command('aggregate')
    .description(
      'make one adapter of many, of any PEFT trainer, and tell how far it is from their exact mean',
    )
    .argument('<adapter...>', 'PEFT folders, each with =WEIGHT after it unless all weigh the same')
    .requiredOption('--out <folder>', 'where the adapter goes (a PEFT folder; must not exist)')
    .option('--start <folder>', 'the adapter that all of them were trained from')
    .option('--round <n>', 'the number of the round, for strategies that alternate', positiveInteger, 1)
    .option('--no-measure', 'leave out what is measured, which reads the factors a second time')
  return runs(withRuleOptions(withStrategyOptions(command)), (options: AggregateOptions, output, adapters) =>
    withCode('LRC-7007', () => aggregate(options, adapters.map(weighted), output)),
  )
}

async function aggregate(
  options: AggregateOptions,
  adapters: readonly Weighted[],
  output: Output,
): Promise<void> {
  const { out, start: startFolder, round, measure: measured } = options
  expectNewFolder(out)
  const strategy = strategyOf(specOf(options))
  const start = startFolder === undefined ? null : await withCode('LRC-7003', () => readAdapter(startFolder))
  const aggregation = strategy.open({
    start,
    round,
    measured,
    rule: ruleOf(options),
    onProgress: (done, total) => output.progress(`aggregated ${done} of ${total} modules`),
  })
  const classes = await commonClasses(adapters.map(({ folder }) => folder))
  const { candidate, side, report } = await folded(aggregation, adapters)
  await withCode('LRC-8003', () => writeAdapter(out, candidate, classesFile(classes)))
  const sideFolder = side === null ? null : join(out, 'side')
  if (side !== null && sideFolder !== null) await withCode('LRC-8003', () => writeAdapter(sideFolder, side))
  output.result(
    { out, side: sideFolder, ...report },
    aggregateLines(report, { out, side: sideFolder }, measured),
  )
}

async function folded(aggregation: Aggregation, adapters: readonly Weighted[]): Promise<Aggregate> {
  await using pool = filePool(openBlocking)
  for (const { folder, weight } of adapters) {
    const { config, tensors } = await withCode('LRC-7003', () => openAdapterFolder(folder, pool))
    await aggregation.fold({ id: folder, weight, config, start: null, tensors })
  }
  return await aggregation.close()
}

/** What all adapters say of their classes. LRC-7007 when one numbers them otherwise: their heads mean something else then. */
async function commonClasses(folders: readonly string[]): Promise<Classes | undefined> {
  const all: (Classes | undefined)[] = []
  for (const folder of folders) all.push(await withCode('LRC-7003', () => readClasses(folder)))
  const [first] = all
  const other = all.findIndex((classes) => JSON.stringify(classes) !== JSON.stringify(first))
  if (other < 0) return first
  throw new LoricaError('LRC-7007', `${folders[other]} has other classes than ${folders[0]}`, {
    expected: first?.labels.join(', ') ?? 'no names of classes',
    received: all[other]?.labels.join(', ') ?? 'no names of classes',
  })
}

/** `FOLDER=3` or `FOLDER`. */
function weighted(text: string): Weighted {
  const at = text.lastIndexOf('=')
  const weight = at < 1 ? Number.NaN : Number(text.slice(at + 1))
  if (Number.isNaN(weight) || text.endsWith('=')) return { folder: text, weight: 1 }
  return { folder: text.slice(0, at), weight }
}
