import { expect, test } from 'vitest'
import { expectAllTokens } from './onnx-output.js'

const inputs = [{ name: 'input_ids', element: 'int64', shape: [2, 7] }] as const

test('logits of the last token only are refused, those of every token or of a whole text are not', () => {
  expect(() => expectAllTokens({ inputs }, [2, 1, 320])).toThrow('the logits of 1 of 7 tokens')
  expectAllTokens({ inputs }, [2, 7, 320])
  expectAllTokens({ inputs }, [2, 5])
})
