import { LoricaError } from '../errors/lorica-error.js'
import { runStrategies } from './aggregate-spec.js'

/** One option of a run that this version knows by name but does not do. */
interface Option {
  readonly path: readonly string[]
  readonly allows: readonly unknown[] // values that mean the same as leaving it out
  readonly use: string // what to write instead
}

const options: readonly Option[] = [
  { path: ['peft', 'method'], allows: ['lora'], use: 'lora' },
  {
    path: ['data', 'format'],
    allows: ['text', 'chat', 'completion', 'classification', 'tokens'],
    use: 'text, chat, completion, classification or tokens',
  },
  { path: ['rounds', 'mode'], allows: ['sync', 'buffered'], use: 'sync or buffered' },
  {
    path: ['aggregate', 'strategy'],
    allows: runStrategies,
    use: `svd, which is exact to the rank of the run, or one of ${runStrategies.filter((name) => name !== 'svd').join(', ')}`,
  },
]

/**
 * Refuses what this version does not do, and returns the run without the options that only say so.
 * Throws LoricaError LRC-3002 naming the option.
 */
export function withoutUnavailable(raw: unknown): unknown {
  let run = raw
  for (const option of options) {
    const value = valueAt(run, option.path)
    if (value === undefined) continue
    const name = option.path.join('.')
    if (!option.allows.includes(value)) {
      const received = JSON.stringify(value)?.slice(0, 120) ?? typeof value
      throw new LoricaError('LRC-3002', `${name}: ${received} is not available in this version`, {
        expected: option.use,
        received,
        action: `Set ${name} to ${option.use}.`,
      })
    }
    if (typeof value !== 'string') run = without(run, option.path)
  }
  const model = valueAt(run, ['base', 'model'])
  if (typeof model === 'string' && model.startsWith('hf:')) {
    throw new LoricaError(
      'LRC-3002',
      `base.model: "${model.slice(0, 120)}" is not available in this version`,
      {
        expected: 'a folder or .onnx file on the coordinator machine',
        received: model.slice(0, 120),
        action: 'Download the model and give the path of its folder.',
      },
    )
  }
  return run
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let inner = value
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined
    inner = (inner as Record<string, unknown>)[key]
  }
  return inner
}

function without(value: unknown, path: readonly string[]): unknown {
  const [key, ...rest] = path
  if (key === undefined || typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value)
  return Object.fromEntries(
    rest.length === 0
      ? fields.filter(([name]) => name !== key)
      : fields.map(([name, inner]) => [name, name === key ? without(inner, rest) : inner]),
  )
}
