/**
 * `npm run fuzz -- --frames N --seed S`: as many hostile frames as one likes against the codec and every message.
 * @module
 */
import { parseArgs } from 'node:util'
import { holdFrames } from './hold.js'

const PART = 20_000
const { values } = parseArgs({
  options: { frames: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
let left = Number(values.frames)
let seed = Number(values.seed)
if (!Number.isSafeInteger(left) || left < 1 || !Number.isSafeInteger(seed))
  throw new RangeError('--frames and --seed expected whole numbers')
for (; left > 0; left -= PART, seed++) {
  const { frames, refused, decoded, messages, heapGrowthBytes } = holdFrames(Math.min(PART, left), seed)
  const codes = Object.entries(refused).map(([code, count]) => `${code} ${count}`)
  const heap = `heap ${Math.round(heapGrowthBytes / 1024)} KiB`
  process.stdout.write(
    `seed ${seed}: ${frames} frames, ${decoded} decoded, ${messages} messages, ${heap}; ${codes.join(', ')}\n`,
  )
}
