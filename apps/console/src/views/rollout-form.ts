/** What a rollout form asks; texts as they were typed. */
export interface PlanForm {
  readonly release: string
  readonly groups: string // such as `1, 10%, 50%, 100%`
  readonly soakMinutes: string
  readonly lossPercent: string // that the loss may be worse
  readonly pauses: boolean // after each group that is good
  readonly approval: boolean
}

export type PlanField = keyof PlanForm

/** A plan that suits most: one agent, a tenth, half, all. */
export const firstPlan: PlanForm = {
  ...{ release: '', groups: '1, 10%, 50%, 100%', soakMinutes: '10', lossPercent: '1' },
  ...{ pauses: false, approval: false },
}

/** What is wrong with a form, by field, before the coordinator is asked. */
export function planFaults(form: PlanForm): Readonly<Partial<Record<PlanField, string>>> {
  const faults: Partial<Record<PlanField, string>> = {}
  const groups = parts(form.groups)
  if (!groups.every((group) => /^[1-9]\d{0,5}$|^\d+(?:\.\d+)?%$/.test(group)) || groups.at(-1) !== '100%')
    faults.groups = 'Numbers of agents or shares, such as 1, 10%, 50%; the last one is 100%.'
  const within = (field: PlanField, most: number) => {
    const text = String(form[field])
    if (!/^\d+(?:\.\d+)?$/.test(text) || Number(text) > most) faults[field] = `A number from 0 to ${most}.`
  }
  within('soakMinutes', 100_000)
  within('lossPercent', 100)
  return faults
}

/** The plan that a form describes, as under `rollout` of a run file. */
export function planOfForm(form: PlanForm): Readonly<Record<string, unknown>> {
  return {
    groups: parts(form.groups).map((group) => (group.endsWith('%') ? group : Number(group))),
    ...(form.pauses ? { success: { [AFTER]: 'pause' } } : {}),
    soak: `${Math.round(60 * Number(form.soakMinutes))}s`,
    analysis: [
      { metric: 'loss', worseBy: `${form.lossPercent}%` },
      { metric: 'failures' },
      { metric: 'latency' },
    ],
    approval: form.approval,
  }
}

const AFTER = 'then' // a word of the plan
const parts = (text: string): readonly string[] => text.split(',').map((part) => part.trim())
