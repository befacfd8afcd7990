import type { LiveEvent } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { createLiveFeed } from './live-feed.js'

const event = (seq: number): LiveEvent => ({
  ...{ seq, at: '2026-11-28T10:00:00Z', type: 'agent-approved', agentId: `a${seq}` },
})
const seqsOf = (events: readonly LiveEvent[] | undefined) => events?.map(({ seq }) => seq)

test('events are given from where a reader is, and one that is too far behind is told so', () => {
  const feed = createLiveFeed(3)
  const heard: (readonly [number, boolean])[] = []
  feed.listen(({ seq }, isKept) => heard.push([seq, isKept]))
  expect([feed.lastSeq(), feed.after(0, 10)]).toEqual([0, []])
  for (const seq of [2, 5, 6]) feed.show(event(seq), true)
  feed.show(event(6), false)
  expect(seqsOf(feed.after(0, 2))).toEqual([2, 5])
  expect(seqsOf(feed.after(3, 10))).toEqual([5, 6])
  expect(seqsOf(feed.after(6, 10))).toEqual([])
  for (const seq of [9, 11, 12, 20]) feed.show(event(seq), true) // the seventh: three are left
  expect([seqsOf(feed.after(9, 10)), feed.after(8, 10), feed.lastSeq()]).toEqual([
    [11, 12, 20],
    undefined,
    20,
  ])
  expect(heard.slice(2, 5)).toEqual([
    [6, true],
    [6, false],
    [9, true],
  ])
})
