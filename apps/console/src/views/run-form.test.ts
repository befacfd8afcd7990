import { parseRunSpec } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import {
  fieldOfProblem,
  firstForm,
  formFaults,
  type RunForm,
  runFileText,
  runOfForm,
  whereOf,
} from './run-form.js'

const form = (changed: Partial<RunForm> = {}): RunForm => ({
  ...firstForm,
  model: '/srv/models/base',
  ...changed,
})

test.each<[string, Partial<RunForm>]>([
  ['as it is offered', {}],
  ['with updates that are summed unseen', { seen: 'sums', minimum: '3' }],
  ['with noise', { isNoisy: true, epsilon: '4', minimum: '5' }],
  ['with both', { seen: 'sums', isNoisy: true, clip: '0.5', minimum: '4' }],
  ['of some agents', { where: 'label.site in (oslo, "New York") and gpu.vramGiB >= 8', guard: '' }],
])('a run %s is one that a coordinator takes', (_, changed) => {
  const run = runOfForm(form(changed))
  expect(formFaults(form(changed))).toEqual({})
  const spec = parseRunSpec(run)
  expect([spec.name, spec.rounds.count, spec.local.steps, spec.peft.alpha]).toEqual(['first-run', 10, 50, 16])
  expect(parseRunSpec(parse(runFileText(run)))).toEqual(spec)
})

test('promises are asked for as they were chosen', () => {
  const noisy = parseRunSpec(
    runOfForm(form({ isNoisy: true, epsilon: '4', clip: '0.5', seen: 'sums', minimum: '3' })),
  )
  expect(noisy.privacy).toMatchObject({ clip: 0.5, dp: { unit: 'site', epsilon: 4, delta: 1e-5 } })
  expect([noisy.aggregate.trust, noisy.evaluate.guards]).toEqual(['private', []])
  expect(parseRunSpec(runOfForm(form({ guard: '2.5' }))).evaluate.guards).toEqual([
    { metric: 'loss', worseBy: 0.025 },
  ])
})

test('what is wrong is said beside its field', () => {
  const faults = formFaults(
    form({ name: 'my run', model: ' ', steps: '1.5', learningRate: '0', guard: '101' }),
  )
  expect(Object.keys(faults).toSorted()).toEqual(['guard', 'learningRate', 'model', 'name', 'steps'])
  expect(faults.steps).toBe('A whole number from 1 to 1,000,000.')
  expect(formFaults(form({ clip: '0' }))).toEqual({})
  expect(formFaults(form({ clip: '0', isNoisy: true }))).toEqual({
    clip: 'A number above 0, at most 1000000.',
  })
})

test('a refusal of the coordinator is shown beside the field that it is about', () => {
  expect(fieldOfProblem('base.model: no such folder')).toBe('model')
  expect(fieldOfProblem('run: "rounds.where": expected a comparison')).toBe('where')
  expect(fieldOfProblem('the disk is full')).toBeUndefined()
})

test('labels that were chosen make a condition', () => {
  expect(whereOf({})).toBe('')
  expect(whereOf({ site: ['oslo'], tier: [] })).toBe('label.site = oslo')
  expect(whereOf({ site: ['oslo', 'New York'], tier: ['2'] })).toBe(
    'label.site in (oslo, "New York") and label.tier = "2"',
  )
})
