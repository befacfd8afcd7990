import type { Progress } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { throttleProgress } from './progress.js'

function recorded() {
  let nowMs = 1000
  const steps: string[] = []
  const { report } = throttleProgress(
    ({ phase, step }) => steps.push(`${phase} ${step}`),
    () => nowMs,
  )
  const at = (ms: number, phase: Progress['phase'], step: number) => {
    nowMs = 1000 + ms
    report({ assignmentId: 'a3', phase, step, steps: 20, loss: 2.5, tokensPerSecond: 300 })
  }
  return { steps, at }
}

test('training reports its first and its last step and at most four a second between', () => {
  const { steps, at } = recorded()
  for (let step = 1; step <= 20; step++) at(step * 50, 'train', step)
  expect(steps).toEqual(['train 1', 'train 6', 'train 11', 'train 16', 'train 20'])
})

test('a short transfer is not reported, a long one is', () => {
  const { steps, at } = recorded()
  at(0, 'upload', 3)
  at(200, 'upload', 20)
  at(1000, 'download', 5)
  at(1300, 'download', 9)
  expect(steps).toEqual(['download 9'])
})
