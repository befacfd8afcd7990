import { expect, test } from 'vitest'
import { createBottleneckConfig } from './bottleneck-config.js'
import { formatBottleneck } from './bottleneck-json.js'
import { bottleneckKeys, expectBottlenecks, initialBottlenecks } from './bottleneck-weights.js'
import { parsePeftConfig } from './peft-json.js'
import type { Tensor } from './tensor.js'

const spec = { method: 'bottleneck', size: 3, nonLinearity: 'silu' } as const
const config = createBottleneckConfig(spec, { family: 'bert', baseModel: 'mini' })
const path = 'bert.encoder.layer.1.attention.output.dense'
const tensors = initialBottlenecks(config, [{ path, inFeatures: 9, outFeatures: 16 }], 5)
const keys = bottleneckKeys(path)

test('a network begins without effect: W_down within 1/sqrt(outputs), the rest zero', () => {
  const down = tensors.get(keys.down) as Tensor
  expect(down.shape).toEqual([3, 16])
  expect(Math.max(...down.data.map(Math.abs))).toBeLessThanOrEqual(0.25)
  expect(Math.max(...down.data)).toBeGreaterThan(0.2)
  expect(tensors.get(keys.up)).toEqual({ shape: [16, 3], data: new Float32Array(48) })
  expect(() => expectBottlenecks(config, tensors)).not.toThrow()
})

test('what is written reads back the same', () => {
  expect(parsePeftConfig(formatBottleneck(config))).toEqual(config)
  expect(JSON.parse(formatBottleneck(config))).toMatchObject({
    peft_type: 'BOTTLENECK',
    bottleneck_size: 3,
    non_linearity: 'silu',
    target_modules: ['output.dense'],
  })
})

test('networks that do not fit are refused by name', () => {
  const without = (key: string) => new Map([...tensors].filter(([name]) => name !== key))
  expect(() => expectBottlenecks(config, without(keys.upBias))).toThrow(`"${keys.upBias}" (0), got none`)
  expect(() => expectBottlenecks(config, without(keys.down))).toThrow(`"${keys.down}" (3, 16), got none`)
  expect(() => expectBottlenecks({ ...config, size: 4 }, tensors)).toThrow('(4, 16), got (3, 16)')
  expect(() => expectBottlenecks({ ...config, targetModules: ['query'] }, tensors)).toThrow(
    'target_modules does not match',
  )
  expect(() => expectBottlenecks(config, new Map([['lora', tensors.get(keys.up) as Tensor]]))).toThrow(
    '"lora" is no part of a bottleneck',
  )
  expect(() => expectBottlenecks(config, new Map())).toThrow('got none')
})

test('a size and a non-linearity that cannot be used are refused', () => {
  expect(() => createBottleneckConfig({ ...spec, size: 0 }, { family: 'bert' })).toThrow(
    'bottleneck_size expected a whole number of 1 or more, got 0',
  )
  expect(() => createBottleneckConfig(spec, { family: 'onnx' })).toThrow('name the modules that they follow')
  const fields = { peft_type: 'BOTTLENECK', bottleneck_size: 2, non_linearity: 'step', target_modules: ['q'] }
  expect(() => parsePeftConfig(JSON.stringify(fields))).toThrow('non_linearity expected relu, gelu')
})
