import { createIdentity } from '@lorica/protocol'
import { describe, expect, test } from 'vitest'
import { enrol, open, startAgent } from '../agent.fixture.js'
import { type Fleet, startFleet } from '../fleet.fixture.js'
import { parseInvite } from './invitations.js'

interface Invited {
  readonly join: string
  readonly links: readonly { readonly name: string | null; readonly join: string }[]
}

const invite = async (fleet: Fleet, body: object): Promise<Invited> =>
  (await fleet.api('POST', '/api/v1/agents/invite', body)).body as Invited

describe('parseInvite', () => {
  test('a link is for one agent and a week unless it says otherwise', () => {
    expect(parseInvite({}, 1000)).toEqual([
      { expiresAtMs: 1000 + 604_800_000, uses: 1, name: null, needsApproval: false },
    ])
    expect(parseInvite({ count: 2, prefix: 'ward', uses: 3, expires: '2h', needsApproval: true }, 0)).toEqual(
      [
        { expiresAtMs: 7_200_000, uses: 3, name: 'ward-1', needsApproval: true },
        { expiresAtMs: 7_200_000, uses: 3, name: 'ward-2', needsApproval: true },
      ],
    )
  })

  test.each([
    [{ expires: 'soon' }, '"expires": expected a duration'],
    [{ uses: 0 }, '"uses"'],
    [{ count: 5000 }, '"count"'],
    [{ name: 'a,b' }, '"name"'],
    [{ usess: 1 }, 'usess'],
  ])('%j is refused by name', (body, message) => {
    expect(() => parseInvite(body, 0)).toThrow(message)
  })
})

describe('join links', () => {
  test('a link for one agent lets in one key, which may say it twice', async () => {
    await using fleet = await startFleet()
    const { join } = await invite(fleet, {})
    const identity = await enrol(fleet, 'oslo', { join })
    await enrol(fleet, 'oslo', { join, identity }) // the answer was lost
    await expect(enrol(fleet, 'turin', { join })).rejects.toMatchObject({ code: 'LRC-2012' })
    await enrol(fleet, 'bern', { identity }) // the same key, with the link of the fleet: the use stays used
    await fleet.restart()
    await expect(enrol(fleet, 'turin', { join })).rejects.toMatchObject({ code: 'LRC-2012' })
    await enrol(fleet, 'turin')
  })

  test('links of a batch are for the names that they were made for', async () => {
    await using fleet = await startFleet()
    const { links } = await invite(fleet, { count: 3, prefix: 'ward' })
    expect(links.map(({ name }) => name)).toEqual(['ward-1', 'ward-2', 'ward-3'])
    const join = links[1]?.join as string
    await expect(enrol(fleet, 'ward-1', { join })).rejects.toMatchObject({ code: 'LRC-2014' })
    await enrol(fleet, 'ward-2', { join })
  })

  test('an agent that has to be approved waits outside, and comes in once it is', async () => {
    await using fleet = await startFleet()
    const { join } = await invite(fleet, { needsApproval: true, uses: 2 })
    const identity = createIdentity()
    await enrol(fleet, 'oslo', { join, identity })
    await expect(open(fleet, identity)).rejects.toThrow()
    const show = async () => (await fleet.api('GET', '/api/v1/agents/oslo')).body
    expect(await show()).toMatchObject({ state: 'pending', agentId: identity.id })
    await fleet.restart()
    expect(await show()).toMatchObject({ state: 'pending' })
    await fleet.api('POST', `/api/v1/agents/${identity.id}/approve`)
    const agent = await startAgent(fleet, 'oslo', {}, identity)
    expect(await show()).toMatchObject({ state: 'connected' })
    agent.close()
  })

  test('an agent that was turned away does not come back with the same key', async () => {
    await using fleet = await startFleet()
    const { join } = await invite(fleet, { needsApproval: true, uses: 5 })
    const identity = await enrol(fleet, 'oslo', { join })
    await fleet.api('POST', '/api/v1/agents/oslo/reject')
    await expect(enrol(fleet, 'oslo', { join, identity })).rejects.toMatchObject({ code: 'LRC-2011' })
    expect((await fleet.api('GET', `/api/v1/agents/${identity.id}`)).body).toMatchObject({ state: 'left' })
  })
})
