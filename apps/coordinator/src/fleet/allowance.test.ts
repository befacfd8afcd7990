import { expect, test } from 'vitest'
import { guestOf, isLoopback } from './address.js'
import { type Alarm, createAlarms } from './alarms.js'
import { createAllowance } from './allowance.js'
import { createSuspicion } from './suspicion.js'

function handClock() {
  const time = { ms: 5_000_000 }
  const never = () => () => {}
  return { time, clock: { now: () => time.ms, monotonicMs: () => time.ms, after: never, every: never } }
}

test('a bucket of three that fills twice a second lets three in at once, and then one every half second', () => {
  const { time, clock } = handClock()
  const { take } = createAllowance({ perSecond: 2, burst: 3 }, clock)
  expect([take('a'), take('a'), take('a'), take('a'), take('b')]).toEqual([0, 0, 0, 500, 0])
  time.ms += 200
  expect(take('a')).toBe(300)
  time.ms += 300
  expect([take('a'), take('a')]).toEqual([0, 500])
  time.ms += 60_000
  expect([take('a'), take('a'), take('a'), take('a')]).toEqual([0, 0, 0, 500])
})

test('who has used no allowance for longest is forgotten first', () => {
  const { clock } = handClock()
  const { take } = createAllowance({ perSecond: 1, burst: 2 }, clock)
  for (const who of ['a', 'b', 'a', 'b']) take(who)
  for (let other = 0; other < 9999; other++) take(`other ${other}`)
  expect([take('b') > 0, take('a')]).toEqual([true, 0])
})

test('the sixth wrong secret costs a second, each further one twice as long, and a right one ends it', () => {
  const { time, clock } = handClock()
  const { failed, succeeded, waitMs } = createSuspicion(clock)
  const waits = Array.from({ length: 8 }, () => {
    failed('9.9.9.9')
    return waitMs('9.9.9.9')
  })
  expect(waits).toEqual([0, 0, 0, 0, 0, 1000, 2000, 4000])
  time.ms += 1500
  expect([waitMs('9.9.9.9'), waitMs('8.8.8.8')]).toEqual([2500, 0])
  for (let more = 0; more < 40; more++) failed('9.9.9.9')
  expect(waitMs('9.9.9.9')).toBe(300_000)
  succeeded('9.9.9.9')
  expect(waitMs('9.9.9.9')).toBe(0)
})

test('an alarm is written at once, then counted and written once a minute, and sixty times an hour at most', () => {
  const { time, clock } = handClock()
  const lines: Alarm[] = []
  const { raise } = createAlarms((alarm) => lines.push(alarm), clock)
  for (let times = 0; times < 7; times++) raise('secret-guessing', '9.9.9.9', 'LRC-2002')
  time.ms += 60_000
  raise('secret-guessing', '9.9.9.9', 'LRC-2002')
  expect(lines.map(({ count }) => count)).toEqual([1, 7])
  for (let other = 0; other < 500; other++) raise('secret-guessing', `10.0.0.${other}`, 'LRC-2001')
  expect(lines).toHaveLength(60)
  time.ms += 3_600_000
  raise('duplicate-identity', 'a'.repeat(32), 'x')
  expect(lines).toHaveLength(61)
})

test('an IPv6 guest is its network, and an IPv4 address is the same however it is written', () => {
  expect(guestOf('::ffff:192.0.2.7')).toBe('192.0.2.7')
  expect(guestOf('2001:db8:7:9:aaaa::1')).toBe('2001:db8:7:9')
  expect(guestOf('2001:0db8:7:9::')).toBe(guestOf('2001:db8:7:9:1:2:3:4'))
  expect(guestOf('2001:db8::1')).toBe('2001:db8:0:0')
  expect(guestOf('fe80::1%eth0')).toBe('fe80:0:0:0')
  expect(['127.0.0.9', '::1', '::ffff:127.0.0.1', '10.0.0.1', '::2'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
})
