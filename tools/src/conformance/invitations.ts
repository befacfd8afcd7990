import { parseJoinLink } from '@lorica/protocol'
import type { Candidate } from './candidate.js'
import { introduce } from './conversation.js'
import { problemIn, refusalIn } from './joining.js'
import type { Operator } from './operator.js'
import type { Statement, Unexamined } from './statement.js'

const nobody: Unexamined = { because: 'it takes links that an operator makes: --token TOKEN' }

/** What section 1 says of join links that are for some agents only. */
export const invitations: readonly Statement[] = [
  {
    section: '1',
    statement: 'a join link that has expired is refused',
    expected: 'LRC-2003 as application/problem+json',
    async observe({ join, expired, operator }) {
      if (expired !== undefined) return problemIn(await join(expired.token))
      if (operator === undefined) return { because: 'no link that has expired was given: --expired LINK' }
      const link = parseJoinLink(await operator.invite({ expires: '1ms' }))
      await new Promise((resolve) => setTimeout(resolve, 20))
      return problemIn(await join(link.token))
    },
  },
  withOperator(
    'a link for one agent is used up by it',
    'joined, then LRC-2012',
    async (candidate, operator) => {
      const link = await operator.invite({ uses: 1 })
      return await joinTwice(candidate.another(link), candidate.another(link))
    },
  ),
  withOperator(
    'the agent that has used a link up may send its request again',
    'joined, then joined',
    async (candidate, operator) => {
      const only = candidate.another(await operator.invite({ uses: 1 }))
      return await joinTwice(only, only)
    },
  ),
  withOperator(
    'a link for one name is for no other',
    'LRC-2014, then joined',
    async (candidate, operator) => {
      const name = `conformance-named-${candidate.agent.id.slice(0, 8)}`
      const link = await operator.invite({ name })
      return await joinTwice(candidate.another(link), candidate.another(link, name))
    },
  ),
  withOperator(
    'where a link asks for approval, an upgrade is refused until an operator has approved the agent',
    'status 401, LRC-2013, then a connection',
    async (candidate, operator) => {
      const agent = candidate.another(await operator.invite({ needsApproval: true }))
      await agent.join(agent.link.token)
      const before = await connected(agent)
      await operator.approve(agent.agent.id)
      const after = await connected(agent)
      await leave(agent)
      return `${before}, then ${after}`
    },
  ),
]

function withOperator(
  statement: string,
  expected: string,
  observe: (candidate: Candidate, operator: Operator) => Promise<string>,
): Statement {
  return {
    section: '1',
    statement,
    expected,
    observe: async (candidate) =>
      candidate.operator === undefined ? nobody : await observe(candidate, candidate.operator),
  }
}

async function joinTwice(first: Candidate, second: Candidate): Promise<string> {
  const words: string[] = []
  for (const agent of [first, second]) {
    const answer = await agent.join(agent.link.token)
    words.push(answer.status === 200 ? 'joined' : (problemIn(answer).split(' as ')[0] ?? ''))
  }
  for (const agent of new Set([first, second])) await leave(agent)
  return words.join(', then ')
}

async function connected(agent: Candidate): Promise<string> {
  const wire = await agent.upgrade(await agent.proof())
  if ('status' in wire) return refusalIn(wire)
  wire.close()
  return 'a connection'
}

/** Has an agent leave the fleet again, if it is in it. `proof` when it has another key by now. */
export async function leave(agent: Candidate, proof = agent.proof()): Promise<void> {
  const wire = await agent.upgrade(await proof)
  if ('status' in wire) return
  await introduce(wire)
  await wire.say('leave', {})
  wire.close()
}
