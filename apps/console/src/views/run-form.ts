/** What a run form asks; texts as they were typed. */
export interface RunForm {
  readonly name: string
  readonly model: string // path on the machine of the coordinator
  readonly format: 'text' | 'chat' | 'completion' | 'classification'
  readonly maxTokens: string
  readonly rounds: string
  readonly steps: string
  readonly batch: string
  readonly learningRate: string
  readonly rank: string
  readonly minimum: string
  readonly where: string // condition on agents; empty: all
  readonly seen: 'updates' | 'sums' // what the coordinator sees of them
  readonly clip: string // of the sum that is seen alone
  readonly isNoisy: boolean
  readonly epsilon: string // promised to each site
  readonly guard: string // percent that a candidate may be worse; empty: no guard
}

export type RunField = keyof RunForm

/** How long a run takes: `try` shows within minutes whether everything works. */
export const sizes = {
  try: { name: 'Try it', rounds: '3', steps: '10' },
  usual: { name: 'Usual', rounds: '10', steps: '50' },
  long: { name: 'Long', rounds: '30', steps: '100' },
} as const

/** A form with what suits most: a rank-8 adapter of all linear layers. */
export const firstForm: RunForm = {
  name: 'first-run',
  model: '',
  format: 'text',
  maxTokens: '128',
  rounds: sizes.usual.rounds,
  steps: sizes.usual.steps,
  batch: '8',
  learningRate: '0.001',
  rank: '8',
  minimum: '1',
  where: '',
  seen: 'updates',
  clip: '1',
  isNoisy: false,
  epsilon: '8',
  guard: '1',
}

const whole: Readonly<Partial<Record<RunField, readonly [number, number]>>> = {
  maxTokens: [2, 1_048_576],
  rounds: [1, 100_000],
  steps: [1, 1_000_000],
  batch: [1, 65_536],
  rank: [1, 1024],
  minimum: [1, 100_000],
}

/** What is wrong with a form, by field, before the coordinator is asked. */
export function formFaults(form: RunForm): Readonly<Partial<Record<RunField, string>>> {
  const faults: Partial<Record<RunField, string>> = {}
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(form.name))
    faults.name = 'Letters, digits, dots and dashes, at most 64 of them.'
  if (form.model.trim() === '') faults.model = 'The folder of a model on the machine of the coordinator.'
  for (const [field, [least, most]] of Object.entries(whole) as [RunField, readonly [number, number]][]) {
    const value = Number(form[field])
    if (!/^\d+$/.test(String(form[field])) || value < least || value > most)
      faults[field] =
        `A whole number from ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')}.`
  }
  const over = (field: RunField, most: number) => {
    const value = Number(form[field])
    if (!(value > 0 && value <= most)) faults[field] = `A number above 0, at most ${most}.`
  }
  over('learningRate', 10)
  if (form.seen === 'sums' || form.isNoisy) over('clip', 1e6)
  if (form.isNoisy) over('epsilon', 1e6)
  if (form.guard !== '' && !(Number(form.guard) >= 0 && Number(form.guard) <= 100))
    faults.guard = 'Percent, from 0 to 100; empty for no guard.'
  return faults
}

/** The run that a form describes, as a run file has it. */
export function runOfForm(form: RunForm): Readonly<Record<string, unknown>> {
  const rank = Number(form.rank)
  const isSummed = form.seen === 'sums'
  const privacy = {
    ...(isSummed || form.isNoisy ? { clip: Number(form.clip) } : {}),
    ...(form.isNoisy ? { dp: { unit: 'site', epsilon: Number(form.epsilon), delta: 1e-5 } } : {}),
  }
  return {
    name: form.name,
    base: { model: form.model.trim() },
    peft: { method: 'lora', rank, alpha: 2 * rank, targets: 'all-linear' },
    data: { format: form.format, maxTokens: Number(form.maxTokens) },
    local: {
      ...{ steps: Number(form.steps), batch: Number(form.batch), learningRate: Number(form.learningRate) },
      optimizerState: 'keep',
    },
    rounds: {
      ...{ count: Number(form.rounds), minimum: Number(form.minimum) },
      ...(form.where.trim() === '' ? {} : { where: form.where.trim() }),
    },
    ...(isSummed ? { aggregate: { trust: 'private' } } : {}),
    ...(Object.keys(privacy).length === 0 ? {} : { privacy }),
    ...(form.guard === '' || form.isNoisy
      ? {}
      : { evaluate: { guards: [{ metric: 'loss', worseBy: `${form.guard}%` }] } }),
  }
}

/** A run as a run file: YAML, a setting a line. */
export function runFileText(run: Readonly<Record<string, unknown>>): string {
  return `${Object.entries(run)
    .map(([key, value]) => `${key}: ${flow(value)}`)
    .join('\n')}\n`
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (value !== null && typeof value === 'object') {
    const pairs = Object.entries(value).map(([key, inner]) => `${key}: ${flow(inner)}`)
    return `{ ${pairs.join(', ')} }`
  }
  if (typeof value === 'string')
    return /^[A-Za-z][\w-]*$/.test(value) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value)
      ? value
      : JSON.stringify(value)
  return JSON.stringify(value)
}

const fieldOfPath: readonly (readonly [string, RunField])[] = [
  ['base.model', 'model'],
  ['data.maxTokens', 'maxTokens'],
  ['local.steps', 'steps'],
  ['local.batch', 'batch'],
  ['local.learningRate', 'learningRate'],
  ['rounds.where', 'where'],
  ['rounds.count', 'rounds'],
  ['rounds.minimum', 'minimum'],
  ['peft.rank', 'rank'],
  ['privacy.clip', 'clip'],
  ['privacy.dp', 'epsilon'],
  ['evaluate.guards', 'guard'],
]

/** The field of the form that a refusal of the coordinator is about; undefined where it names none of them. */
export function fieldOfProblem(message: string): RunField | undefined {
  return fieldOfPath.find(([path]) => message.includes(path))?.[1]
}

/** The condition on agents that have one of the values of each label that was chosen. */
export function whereOf(chosen: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(chosen)
    .filter(([, values]) => values.length > 0)
    .map(([label, values]) =>
      values.length === 1
        ? `label.${label} = ${quoted(values[0] as string)}`
        : `label.${label} in (${values.map(quoted).join(', ')})`,
    )
    .join(' and ')
}

const quoted = (text: string): string => (/^[A-Za-z][\w-]*$/.test(text) ? text : JSON.stringify(text))
