import { addRun, issueLinks, openInvitation } from '@lorica/coordinator/embed'
import { parseRunSpec } from '@lorica/protocol'
import type { Answering } from './address.js'
import { BASE_FOLDER } from './coordinator-machine.js'
import { type RunParts, type Way, ways } from './ways.js'

export const URL_OF_COORDINATOR = 'http://coordinator.simulated:7410'
const SEED = 7

/** How a simulation conducts its run. */
export interface Conduct {
  readonly mode: 'sync' | 'buffered'
  readonly rounds: number
  readonly maxStaleness: number // of rounds that take late updates
  readonly way: Way // to aggregate
  readonly agents?: number | undefined // that it waits for, where it says
}

const BUFFER_SIZE = 2

/** The run that a simulation conducts. */
const specOf = ({ mode, rounds, maxStaleness, way, agents }: Conduct) =>
  specFrom({ mode, rounds, maxStaleness }, partsOf(way, agents))

/** What a run by a way is, with the whole fleet where it is known how large that is: of a sum just above half have to stay. */
function partsOf(way: Way, agents: number | undefined): RunParts {
  const parts: RunParts = ways[way]
  if (agents === undefined) return parts
  const minimum = { rounds: { ...parts.rounds, minimum: agents } }
  if (way !== 'private') return { ...parts, ...minimum }
  const secureAggregation = { minSurvivors: Math.floor(agents / 2) + 1, colluding: 0 }
  return { ...parts, ...minimum, privacy: { ...parts.privacy, secureAggregation } }
}

const specFrom = (
  { mode, rounds, maxStaleness }: Pick<Conduct, 'mode' | 'rounds' | 'maxStaleness'>,
  parts: RunParts,
) => ({
  ...parts,
  name: 'simulated',
  base: { model: BASE_FOLDER },
  peft: { rank: 2, alpha: 4, targets: ['q_proj', 'v_proj'] },
  data: { maxTokens: 4 },
  local: { steps: 3, batch: 1, learningRate: 1e-3, ...parts.local },
  rounds: {
    ...{ count: rounds, minimum: 2, deadline: '20m', mode },
    ...(mode === 'buffered' ? { buffer: { size: BUFFER_SIZE, maxStaleness } } : {}),
    ...parts.rounds,
  },
  evaluate: { holdout: '10%', tokens: 64 },
  seed: SEED,
})

/** Throws the refusal of the product when a run cannot be conducted so. */
export function expectRun(conduct: Conduct): void {
  parseRunSpec(specOf(conduct))
}

/** Starts the run, as the operators' API does. */
export async function startRun({ service }: Answering, conduct: Conduct): Promise<void> {
  if (service.parts.ledger.runs().length === 0)
    await addRun(specOf(conduct), service.parts, service.conductor)
}

/** Makes the link that agents join with. */
export async function invite({ service, process }: Answering): Promise<string> {
  const { ledger, identity, trust, random } = service.parts
  const issuer = { ledger, identity, trust, random, url: URL_OF_COORDINATOR }
  const year = 365 * 24 * 3_600_000
  const invitation = { ...openInvitation(process.clock.now()), expiresAtMs: process.clock.now() + 20 * year }
  const [link] = await issueLinks([invitation], issuer)
  return link?.join ?? ''
}

/** Takes an agent out of the fleet, as the operators' API does. */
export async function revoke({ service }: Answering, agentId: string): Promise<void> {
  const { parts, connections, conductor } = service
  if (parts.ledger.member(agentId)?.left !== null) return
  parts.ledger.record({ type: 'agent-left', agentId, how: 'revoked' })
  connections.disconnect(agentId)
  conductor.revoked(agentId)
  await parts.ledger.flush()
}
