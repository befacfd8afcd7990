import { asLoricaError } from '@lorica/protocol'

/** What a check found. A warning lets the agent work; a problem does not. */
export interface Finding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'problem' | 'skipped'
  readonly found: string
  readonly fix?: string
  readonly code?: string // of the error, when there was one
}

export const ok = (check: string, found: string): Finding => ({ check, state: 'ok', found })
export const skipped = (check: string, found: string): Finding => ({ check, state: 'skipped', found })
export const warning = (check: string, found: string, fix: string): Finding => ({
  ...{ check, state: 'warning', found, fix },
})

/** What `look` finds, or its error as a problem with its way out. */
export async function examined(check: string, look: () => Promise<Finding>): Promise<Finding> {
  try {
    return await look()
  } catch (error) {
    const { code, message, action } = asLoricaError(error)
    return { check, state: 'problem', found: message, fix: action, code }
  }
}

/** Findings as a table for a terminal: check, problem, how to fix. */
export function findingLines(findings: readonly Finding[]): readonly string[] {
  const widest = Math.max(...findings.map(({ check }) => check.length))
  const marks = { ok: 'ok', warning: 'look', problem: 'BAD', skipped: '-' } as const
  const problems = findings.filter(({ state }) => state === 'problem').length
  return [
    ...findings.flatMap(({ check, state, found, fix }) => [
      `${marks[state].padEnd(5)}${check.padEnd(widest)}  ${found}`,
      ...(fix === undefined ? [] : [`${' '.repeat(widest + 5)}  how to fix: ${fix}`]),
    ]),
    problems === 0 ? 'This machine can work for its fleet.' : `${problems} to fix before it can work.`,
  ]
}

/** 0: nothing stands in the way; 4: another coordinator; 5: no coordinator; 3: something on this machine. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 3 | 4 | 5 {
  const problems = findings.filter(({ state }) => state === 'problem')
  if (problems.length === 0) return 0
  if (problems.some(({ code }) => code !== undefined && /^LRC-2/.test(code))) return 4
  return problems.every(({ code }) => code === 'LRC-8002') ? 5 : 3
}
