import { expect, test } from 'vitest'
import { createBuilder } from '../../graph/builder.js'
import { int } from '../../graph/graph.js'
import { ort } from '../../runtime/ort.js'
import type { Feed } from '../../runtime/runtime.js'
import { differentiate, gradientName } from '../backward.js'

test('a row that is read many times gets every one of its gradients, whatever the threads', async () => {
  const [side, width, count] = [3, 16, 20_000]
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [side, width])
  const indices = builder.input('indices', 'int64', [count])
  const rows = builder.op('Gather', [x, indices], { attributes: { axis: int(0) } })
  const loss = builder.op('ReduceSum', [rows], { name: 'loss', attributes: { keepdims: int(0) } })
  builder.output(loss)
  const session = await ort.open(differentiate(builder.build(), loss.name, ['x']), { threads: 4 })
  const feeds = new Map<string, Feed>([
    ['x', new Float32Array(side * width)],
    ['indices', Int32Array.from({ length: count }, (_, at) => at % side)],
  ])
  for (let run = 0; run < 5; run++) {
    const gradient = (await session.run(feeds)).get(gradientName('x'))?.data ?? []
    const expected = Array.from({ length: side * width }, (_, at) => (at < 2 * width ? 6667 : 6666))
    expect(Array.from(gradient)).toEqual(expected)
  }
  await session.close()
})
