/**
 * The parts of a model card, each from the manifest alone.
 * @module
 */
import type { GuardedMetric, Lineage, ReleaseManifest } from '@lorica/protocol'
import { count } from '../screen/format.js'
import { amount, code, rows } from './markdown.js'
import { promiseOf } from './promise.js'

const RULES: Readonly<Record<string, string>> = {
  exact: 'each update counts',
  robust: 'a rule decides what each update counts, so that a few that lie bend the result little',
  private: 'only the sum of the updates of each round was seen, never one of them',
}

export function trainingOf({ runName, round, lineage }: ReleaseManifest): readonly string[] {
  if (round === 0) return ['The base as it is: an adapter that changes nothing.']
  if (lineage === undefined)
    return [`Round ${round} of the run ${runName}. Its settings are not in this manifest.`]
  const { settings, rounds, sites, aggregation } = lineage
  const { targets, rank, alpha, rslora, modulesToSave } = settings
  const modules = targets === 'all-linear' ? 'all linear layers' : targets.join(', ')
  const whole = modulesToSave.length === 0 ? [] : [['Trained whole', modulesToSave.join(', ')] as const]
  const agreement = aggregation?.agreement ?? null
  return [
    rows([
      ['Rounds', `${rounds.done} of ${rounds.planned}`],
      ['Sites', `${sites.round} in this round, ${sites.run} over the run`],
      ['Adapter', `rank ${rank}, alpha ${alpha}${rslora ? ', rank-stabilised' : ''}, on ${modules}`],
      ...whole,
      ['Data', `${settings.format}, rows of ${count(settings.maxTokens)} tokens`],
      [
        'Each site, each round',
        `${settings.steps} steps of ${settings.batch} rows, ${settings.optimizer}, learning rate ${settings.learningRate}`,
      ],
      ['Combined by', `${settings.strategy} (${settings.trust}: ${RULES[settings.trust] ?? ''})`],
      ...(aggregation?.error == null
        ? []
        : [['Distance from the exact mean', `${(100 * aggregation.error).toPrecision(2)} %`] as const]),
      ...(agreement === null
        ? []
        : [
            [
              'Agreement of the sites',
              `mean cosine ${agreement.mean.toFixed(3)}, least ${agreement.least.toFixed(3)}`,
            ] as const,
          ]),
      ['Seed', String(settings.seed)],
    ]),
    ...(aggregation?.notes ?? []).map((note) => `- ${note}`),
  ]
}

export function privacyOf(manifest: ReleaseManifest): readonly string[] {
  const promise = promiseOf(manifest).map((line) => line.trim())
  if (promise.length > 0) return [`${sentence(promise.join('; '))}`]
  return [
    'No differential privacy is promised: whoever has this adapter may be able to tell which texts it was trained on, and to read back texts that were repeated.',
  ]
}

export function evaluationOf({ evaluation, lineage, privacy }: ReleaseManifest): readonly string[] {
  const { loss, tokens, perAgent } = evaluation
  if (loss === null)
    return [
      privacy === undefined
        ? 'It was not measured.'
        : 'What sites measure tells of their data, so none of it is said here.',
    ]
  const known = [
    ['Base model', lineage?.before.baseline ?? null],
    ['What it replaces', lineage?.before.parent ?? null],
    ['**This release**', loss],
  ] as const
  const measured = known.filter(([, value]) => value !== null)
  const losses = perAgent.map((agent) => agent.loss)
  const spread =
    losses.length < 2
      ? []
      : [
          `By site the loss is between ${Math.min(...losses).toFixed(4)} and ${Math.max(...losses).toFixed(4)}.`,
        ]
  return [
    rows([
      ['', 'held-out loss, nats per token'],
      ...measured.map(([what, value]) => [what, (value as number).toFixed(4)] as const),
    ]),
    `Over ${count(tokens)} held-out tokens of ${perAgent.length === 0 ? 'the sites together' : amount(perAgent.length, 'site')}, which no site trained on.`,
    ...spread,
    ...guardsOf(evaluation.guards ?? []),
  ]
}

/** What each guard found: it became a release with these numbers. */
function guardsOf(guards: readonly GuardedMetric[]): readonly string[] {
  if (guards.length === 0) return []
  return [
    'Beside what it replaces, as agents measured it:',
    rows([
      ['', 'verdict'],
      ...guards.map(
        ({ metric, of, verdict, mode, text }) =>
          [
            `${metric}${of === 'all' ? '' : ` of ${of}`}`,
            `${verdict}${mode === 'dry-run' ? ' (dry run)' : ''}: ${text}`,
          ] as const,
      ),
    ]),
  ]
}

export function limitsOf({ base, evaluation, lineage, privacy }: ReleaseManifest): readonly string[] {
  return [
    `- It works with the base it was trained on and no other: ${code(base.name)}, content ${base.sha256.slice(0, 16)}….`,
    ...(evaluation.loss === null
      ? []
      : ['- It was measured on data like that of the sites it was trained at; elsewhere it may do worse.']),
    '- Whatever the base model gets wrong, its bias and its licence included, holds for this adapter.',
    ...(privacy === undefined ? ['- It may repeat parts of what it was trained on.'] : []),
    ...(lineage?.settings.trust === 'exact' ? ['- Nothing held back a site that trained to do harm.'] : []),
  ]
}

export function originOf(manifest: ReleaseManifest, id: string): readonly string[] {
  const { base, lineage, createdAt, software, parent, coordinatorPublicKey, runId } = manifest
  const parents: Lineage['parents'] = lineage?.parents ?? []
  const machines = lineage?.software.devices.join(', ') ?? ''
  return [
    rows([
      ['Release', `${manifest.name}, manifest ${id}`],
      ['Run', runId],
      [
        'Continues',
        parents.map(({ name, id: of }) => `${name} (${of.slice(0, 16)}…)`).join(', ') ||
          (parent ?? 'the base'),
      ],
      ['Base', `${base.name} (${base.sha256})`],
      ...(lineage === undefined ? [] : [['Run file', `SHA-256 ${lineage.settings.sha256}`] as const]),
      ['Made', createdAt],
      [
        'Software',
        [
          software,
          ...(lineage?.software.agents ?? []).filter((one) => one !== software),
          lineage?.software.node ?? '',
        ]
          .filter((one) => one !== '')
          .join(', '),
      ],
      ...(machines === '' ? [] : [['Trained on', machines] as const]),
      ['Fleet', coordinatorPublicKey],
    ]),
    'The signed manifest is in `release.json`; `lorica releases verify` checks it.',
  ]
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
