import { expect, test } from 'vitest'
import { explained, plainReport } from './report.js'
import { wrapped } from './wrapped.js'

const progress = { event: 'progress', assignmentId: 'a', tokensPerSecond: null, loss: null } as const

test('on a terminal a transfer is taken away by what follows it, and the last step of training stays', () => {
  let out = ''
  const tell = plainReport({ write: (text) => (out += text), isTerminal: true })
  tell({ ...progress, phase: 'download', step: 784_000, steps: 3_600_000 } as never)
  tell({ event: 'evaluated', assignmentId: 'a', round: 0, loss: 3.5, tokens: 1016 })
  tell({ ...progress, phase: 'train', step: 15, steps: 15, loss: 3.25, tokensPerSecond: 5701.4 } as never)
  tell({ event: 'run-ended', runId: 'r', state: 'succeeded' })
  expect(out.split('\u001b[2K')).toEqual([
    '\r',
    '  downloading 784.0 kB of 3.6 MB\r',
    'Round 0: loss 3.5000 over 1,016 held-out tokens.\n\r',
    '  step 15 of 15   loss 3.2500   5,701 tokens/s\nThe run succeeded.\n',
  ])
})

test('a target that is told again is said once, and an error ends with where more is said', () => {
  const lines: string[] = []
  const tell = plainReport({ write: (text) => lines.push(text), isTerminal: false })
  const target = { event: 'target-applied', name: 'v3', isServed: false, downloadedBytes: 0 } as const
  for (const serial of [1, 1, 2]) tell({ ...target, serial })
  expect(lines).toHaveLength(2)
  expect(explained({ code: 'LRC-2002', message: 'no', action: 'Ask.' }).split('\n')).toEqual([
    'LRC-2002: no',
    '  to do:    Ask.',
    '  more:     lorica explain LRC-2002',
  ])
})

test('long lines are broken between words, under the words of their item', () => {
  const lines = ['What leaves:', '  - the change of the adapter after training']
  expect(wrapped(lines, 28)).toEqual(['What leaves:', '  - the change of the', '    adapter after training'])
  expect(wrapped(lines, Number.POSITIVE_INFINITY)).toEqual(lines)
})
