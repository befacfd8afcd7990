/**
 * `npm run fuzz -- --frames N --seed S`: as many hostile frames as one likes against the codec and every message; with `--live`, against
 * a coordinator that runs.
 * @module
 */
import { parseArgs } from 'node:util'
import { holdFrames } from './hold.js'
import { besiege, growthBounds, type Report } from './live.js'

const PART = 20_000
const LIVE_PART = 2000 // frames against one coordinator

function holdAll(frames: number, firstSeed: number): void {
  for (let left = frames, seed = firstSeed; left > 0; left -= PART, seed++) {
    const held = holdFrames(Math.min(PART, left), seed)
    const codes = Object.entries(held.refused).map(([code, count]) => `${code} ${count}`)
    const heap = `heap ${Math.round(held.heapGrowthBytes / 1024)} KiB`
    process.stdout.write(
      `seed ${seed}: ${held.frames} frames, ${held.decoded} decoded, ${held.messages} messages, ${heap}; ${codes.join(', ')}\n`,
    )
  }
}

/** Whether everything held. */
async function besiegeAll(frames: number, firstSeed: number): Promise<boolean> {
  let holds = true
  for (let left = frames, seed = firstSeed; left > 0; left -= LIVE_PART, seed++) {
    const some = Math.min(LIVE_PART, left)
    const onProgress = (words: string) => process.stderr.write(`seed ${seed}: ${words} …\n`)
    const hard = { frames: some, requests: Math.ceil(some / 5), rounds: Math.ceil(some / 50) }
    const report = await besiege({ ...hard, seed, outlast: true, onProgress })
    process.stdout.write(`seed ${seed}: ${wordsOf(report)}\n`)
    for (const problem of report.problems) process.stdout.write(`  ${problem}\n`)
    holds &&= report.problems.length === 0
  }
  return holds
}

function wordsOf({ acts, sentBytes, codes, slow, answers, longestMs, warm, after, growth }: Report): string {
  const counts = Object.entries(codes).sort(([one], [other]) => (one < other ? -1 : 1))
  return [
    `${acts} hostile acts and ${slow.peers} slow peers, ${mib(sentBytes)} sent`,
    `refused with ${counts.map(([code, count]) => `${code} ${count}`).join(', ')}`,
    `slow peers ended: ${slow.ended}`,
    `the honest agent got ${answers} answers, each of them in at most ${Math.ceil(longestMs)} ms`,
    `resident ${mib(warm.rssBytes)} after a first attack, ${mib(after.rssBytes)} after the last, of at most ${mib(growthBounds.residentBytes)} more`,
    `held by JavaScript ${mib(growth.heldBytes)} more, of at most ${mib(growthBounds.heldBytes)}`,
  ].join('\n  ')
}

const mib = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`

const { values } = parseArgs({
  options: {
    frames: { type: 'string' },
    seed: { type: 'string', default: '1' },
    live: { type: 'boolean', default: false },
  },
})
const frames = Number(values.frames ?? (values.live ? LIVE_PART : 100_000))
const seed = Number(values.seed)
if (!Number.isSafeInteger(frames) || frames < 1 || !Number.isSafeInteger(seed))
  throw new RangeError('--frames and --seed expected whole numbers')
if (!values.live) holdAll(frames, seed)
else if (!(await besiegeAll(frames, seed))) process.exitCode = 1
