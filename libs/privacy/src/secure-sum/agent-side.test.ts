import { expect, test } from 'vitest'
import { advertise, confirmSurvivors, maskInput, revealShares, shareSecrets } from './agent-side.js'
import { addInput, closeInputs, deliverShares, finishSum, listKeys } from './coordinator-side.js'
import { inputOf, signAs, startOf, taken, termsFor, verifyText } from './fleet.fixture.js'
import { confirmationText, type SumTerms } from './terms.js'

const terms = termsFor(5) // threshold and survivors 3
const names = ['agent-00', 'agent-01', 'agent-02', 'agent-03', 'agent-04']
const [ana, ben, cai, dee, eve] = names as [string, string, string, string, string]
const none: ReadonlySet<string> = new Set()

const started = names.map((name) => taken(advertise(startOf(name, terms))))
const ads = started.map(({ advertisement }) => advertisement)
const share = (index: number, list = ads, used = none) =>
  shareSecrets(started[index]!.next, list, verifyText, used)

const shared = await Promise.all(names.map(async (_, index) => taken(await share(index))))
const listed = taken(listKeys(terms, ads, verifyText))
const delivered = taken(
  deliverShares(
    listed,
    shared.flatMap(({ shares }) => shares),
  ),
)
const deliveryOf = (name: string) => delivered.deliveries.get(name)!
const input = (index: number, delivery = deliveryOf(names[index]!)) =>
  maskInput(shared[index]!.next, delivery, inputOf(names[index]!, 8, 32))
const masked = names.map((_, index) => taken(input(index)))

const survivors = [ana, ben, cai, dee] // eve dropped out
const confirm = (index: number, list: readonly string[] = survivors) =>
  confirmSurvivors(masked[index]!.next, list, signAs(names[index]!))
const confirmed = [0, 1, 2, 3].map((index) => taken(confirm(index)))
const confirmations = confirmed.map(({ confirmation }) => confirmation)
const reveal = (index: number, list = confirmations) => revealShares(confirmed[index]!.next, list, verifyText)

test.each<[string, Partial<SumTerms>, RegExp]>([
  ['a threshold of half of the shares', { threshold: 2 }, /above half of 5 shares, got 2/],
  ['survivors of half of the agents', { minSurvivors: 2 }, /above half of 5 agents/],
  ['survivors fewer than the threshold', { threshold: 4 }, /at least 4 survivors, got 3/],
  ['a ring that wraps', { ring: { ...terms.ring, bits: 31 } }, /a ring of 32 to 32 bits, got 31/],
  ['an odd degree', { degree: 3 }, /even degree/],
  ['a degree of everybody and more', { degree: 6 }, /even degree/],
])('terms with %s are refused', (_, change, message) => {
  const step = advertise(startOf(ana, { ...terms, ...change }))
  expect(step).toMatchObject({ refused: 'terms', message: expect.stringMatching(message) })
})

test('terms for fewer agents than this one demands are refused', () => {
  expect(advertise({ ...startOf(ana, terms), minAgents: 4 })).toMatchObject({ refused: 'terms' })
  expect(advertise({ ...startOf(ana, terms), minAgents: 3 })).not.toHaveProperty('refused')
})

test('a list without its own keys, with others in their place, twice or too short is refused', async () => {
  const other = taken(advertise(startOf(ana, terms, 2))).advertisement
  expect(await share(0, ads.slice(1))).toMatchObject({ refused: 'list' })
  expect(await share(0, [other, ...ads.slice(1)])).toMatchObject({ refused: 'list' })
  expect(await share(0, [...ads, ads[1]!])).toMatchObject({ refused: 'list' })
  expect(await share(0, ads.slice(0, 2))).toMatchObject({ refused: 'too-few' })
})

test('keys that their agent did not sign for these terms are refused', async () => {
  const swapped = { ...ads[1]!, maskKey: ads[2]!.channelKey }
  expect(await share(0, ads.with(1, swapped))).toMatchObject({ refused: 'signature' })
  const earlier = taken(advertise(startOf(ben, { ...terms, round: 2 }))).advertisement
  expect(await share(0, ads.with(1, earlier))).toMatchObject({ refused: 'signature' })
  const stranger = taken(advertise({ ...startOf('mallory', terms), sign: signAs(ben) })).advertisement
  expect(await share(0, ads.with(1, stranger))).toMatchObject({ refused: 'signature' })
})

test('a reused key is refused: of an earlier sum, its own or a peer, or of another agent', async () => {
  expect(await share(0, ads, new Set([ads[3]!.maskKey]))).toMatchObject({ refused: 'reused-key' })
  expect(await share(0, ads, new Set([ads[0]!.channelKey]))).toMatchObject({ refused: 'reused-key' })
  const copied = taken(
    advertise({ ...startOf(ben, terms), random: startOf(cai, terms).random }),
  ).advertisement
  expect(await share(0, ads.with(1, copied))).toMatchObject({ refused: 'reused-key' })
})

test('shares that were changed, meant for another, missing or twice are refused before anything is sent', () => {
  const { senders, shares } = deliveryOf(ana)
  const changed = { ...shares[0]!, sealed: shares[0]!.sealed.with(40, shares[0]!.sealed[40]! ^ 1) }
  expect(input(0, { senders, shares: shares.with(0, changed) })).toMatchObject({ refused: 'share' })
  const foreign = { ...deliveryOf(cai).shares.find(({ from }) => from === ben)!, to: ana }
  expect(input(0, { senders, shares: shares.with(0, foreign) })).toMatchObject({ refused: 'share' })
  const mirrored = { ...shared[0]!.shares.find(({ to }) => to === ben)!, from: ben, to: ana }
  expect(input(0, { senders, shares: shares.with(0, mirrored) })).toMatchObject({ refused: 'share' })
  expect(input(0, { senders, shares: shares.slice(1) })).toMatchObject({ refused: 'share' })
  expect(input(0, { senders, shares: [...shares, shares[0]!] })).toMatchObject({ refused: 'share' })
})

test('senders that are too few, unknown, unsorted or without itself are refused', () => {
  const { shares } = deliveryOf(ana)
  expect(input(0, { senders: [ana, ben], shares: shares.slice(0, 1) })).toMatchObject({ refused: 'too-few' })
  expect(input(0, { senders: [ben, cai, dee, eve], shares })).toMatchObject({ refused: 'list' })
  expect(input(0, { senders: [...names, 'mallory'], shares })).toMatchObject({ refused: 'list' })
  expect(input(0, { senders: names.toReversed(), shares })).toMatchObject({ refused: 'list' })
})

test('a vector that is not of the ring is refused', () => {
  const narrow = { ...shared[0]!.next, terms: { ...terms, ring: { ...terms.ring, bits: 20 } } }
  expect(maskInput(narrow, deliveryOf(ana), new Uint32Array(8).fill(2 ** 20))).toMatchObject({
    refused: 'input',
  })
  expect(maskInput(narrow, deliveryOf(ana), new Uint32Array(7))).toMatchObject({ refused: 'input' })
})

test('survivors that are too few, no senders or without itself are refused', () => {
  expect(confirm(0, [ana, ben])).toMatchObject({ refused: 'too-few' })
  expect(confirm(0, [ben, cai, dee])).toMatchObject({ refused: 'list' })
  expect(confirm(0, [ana, ben, 'mallory'])).toMatchObject({ refused: 'list' })
  expect(confirm(0, [ana, ben, ben])).toMatchObject({ refused: 'list' })
})

test('shares are revealed for the list that was confirmed and for no other', () => {
  const otherText = confirmationText(listed.roster.digest, names, [ana, ben, cai])
  const forged = confirmations.map(({ agent }) => ({ agent, signature: signAs(agent)(otherText) }))
  expect(reveal(0, forged)).toMatchObject({ refused: 'signature' })
  expect(reveal(0, confirmations.slice(0, 2))).toMatchObject({ refused: 'too-few' })
  expect(reveal(0, [confirmations[0]!, confirmations[0]!, confirmations[1]!])).toMatchObject({
    refused: 'list',
  })
  expect(reveal(0, [...confirmations, { agent: eve, signature: '' }])).toMatchObject({ refused: 'list' })
})

test('one share of each neighbour is revealed: of the seed of a survivor, of the key of a dropout, never both', () => {
  const { reveal: revealed } = taken(reveal(0))
  expect(revealed.shares.map(({ of, secret }) => `${of} ${secret}`).sort()).toEqual([
    'agent-00 self-seed',
    'agent-01 self-seed',
    'agent-02 self-seed',
    'agent-03 self-seed',
    'agent-04 mask-key',
  ])
})

test('no step is taken twice or out of turn', async () => {
  const out = { refused: 'out-of-turn' }
  const answered = taken(reveal(0)).next
  const text = JSON.stringify(answered)
  expect(text).not.toContain('Secret')
  expect(await shareSecrets(shared[0]!.next, ads, verifyText, none)).toMatchObject(out)
  expect(maskInput(masked[0]!.next, deliveryOf(ana), new Uint32Array(8))).toMatchObject(out)
  expect(confirmSurvivors(confirmed[0]!.next, [ana, ben, cai], signAs(ana))).toMatchObject(out)
  expect(confirmSurvivors(answered, [ana, ben, cai], signAs(ana))).toMatchObject(out)
  expect(revealShares(masked[0]!.next, confirmations, verifyText)).toMatchObject(out)
  expect(revealShares(answered, confirmations, verifyText)).toMatchObject(out)
})

test('the coordinator takes an input once, from a sender, of the ring; and no share that does not fit what was signed', async () => {
  const first = taken(addInput(delivered.next, masked[0]!.input))
  expect(addInput(first, masked[0]!.input)).toMatchObject({ refused: 'out-of-turn' })
  expect(addInput(first, { agent: 'mallory', vector: new Uint32Array(8) })).toMatchObject({ refused: 'list' })
  expect(addInput(first, { agent: ben, vector: new Uint32Array(9) })).toMatchObject({ refused: 'input' })
  expect(closeInputs(first)).toMatchObject({ refused: 'too-few' })

  const all = [1, 2, 3].reduce((state, index) => taken(addInput(state, masked[index]!.input)), first)
  const closed = taken(closeInputs(all))
  const reveals = [0, 1, 2, 3].map((index) => taken(reveal(index)).reveal)
  expect(await finishSum(closed, reveals)).toMatchObject({ survivors })
  const spoil = (whose: number, of: string) => {
    const { agent, shares } = reveals[whose]!
    const flipped = (share: Uint8Array) => share.with(3, share[3]! ^ 1)
    return {
      agent,
      shares: shares.map((one) => (one.of === of ? { ...one, share: flipped(one.share) } : one)),
    }
  }
  for (const of of [ben, eve]) {
    const spoilt = reveals.with(0, spoil(0, of))
    const result = await finishSum(closed, spoilt.slice(0, 3))
    expect(result).toMatchObject({ refused: 'share' })
    expect(result).not.toHaveProperty('sum')
    expect(await finishSum(closed, spoilt)).toEqual(await finishSum(closed, reveals)) // one more than is needed
    expect(await finishSum(closed, spoilt.with(2, spoil(2, of)))).toMatchObject({ refused: 'share' })
  }
  expect(await finishSum(closed, reveals.slice(0, 2))).toMatchObject({ refused: 'too-few' })
})
