import { adapterFiles, updateDataBytes } from '@lorica/peft-core'
import { elementsIn } from '@lorica/privacy'
import { openingAt, type PlannedAgent, type PlanView } from '@lorica/protocol'
import { isCorrected } from '../aggregation/scaffold.js'
import type { Available } from '../fleet/availability.js'
import type { Member, Roster } from '../fleet/roster.js'
import { trustedIn } from '../runs/rule.js'
import { plannedPrivacy } from '../runs/site-privacy.js'
import { tensorsOf } from '../runs/strategy.js'
import { bystandersOf } from './bystanders.js'
import { chooseAgents, rankOf, suitedAgents } from './selection.js'
import type { PinnedRun } from './start.js'

/** What a preview is made from, beside the run. */
export interface Known {
  readonly members: readonly Member[]
  readonly roster: Pick<Roster, 'find'>
  readonly available: readonly Available[]
  readonly rates: ReadonlyMap<string, number> // tokens a second on this base, by agentId
  readonly memoryBytes: number | null // of a training step
  readonly nowMs: number
}

/** What the first round of a run would be if it started now: who takes part, why others do not, what it would move, and how long it would take. */
export function previewOf({ spec, seed, base, adapter }: PinnedRun, known: Known): PlanView {
  const { members, roster, available, rates, memoryBytes, nowMs } = known
  const run = { spec, seed, rounds: [], excluded: [] }
  const { suited } = suitedAgents(run, available)
  const trusted = trustedIn(spec)
  const invited = chooseAgents(run, 1, available)
  const isConnected = (agentId: string) => roster.find(agentId) !== undefined
  const bystanders = bystandersOf(run, invited, { members, eligible: available, isConnected })
  const reasons = new Map(bystanders.map((bystander) => [bystander.agentId, bystander]))
  const agents = members
    .filter(({ left }) => left === null)
    .map(({ agentId, name }): PlannedAgent => {
      const { fate, reason } = reasons.get(agentId) ?? { fate: 'invited', reason: null }
      const tokensPerSecond = rates.get(agentId) ?? null
      const presence = roster.find(agentId)
      return {
        agentId,
        name,
        fate,
        reason,
        rank: presence === undefined || spec.peft.ranks === undefined ? null : rankOf(spec, presence),
        tokensPerSecond,
        memoryBytes: memoryOf(presence?.hello),
      }
    })
  const files = Object.entries(adapterFiles(adapter))
  const asF32 = files.find(([name]) => name === 'adapter_model.safetensors')?.[1].byteLength ?? 0
  const all = [...adapter.tensors.values()].map(({ shape }) => shape)
  const sent = [...tensorsOf(spec, adapter, 1).shared.values()]
  const saved = updateDataBytes(all, 'f32') - updateDataBytes(sent, spec.update.encoding)
  const upEachRound = asF32 - saved
  const control = isCorrected(spec) ? updateDataBytes(sent, 'f32') : 0
  const downEachRound = files.reduce((sum, [, { byteLength }]) => sum + byteLength, control)
  const parameters = [...adapter.tensors.values()].reduce((sum, { data }) => sum + data.length, 0)
  const baseBytes = base.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const tokensEachRound = spec.local.steps * spec.local.accumulate * spec.local.batch * spec.data.maxTokens
  const awaited = invited.map(({ agentId }) => rates.get(agentId) ?? 0).sort((a, b) => b - a)
  const slowest = awaited.slice(0, spec.rounds.buffer?.size).at(-1) ?? 0 // that a round waits for
  const eachRound = slowest > 0 ? tokensEachRound / slowest : null
  const opening = spec.schedule === null ? null : openingAt(spec.schedule, nowMs)
  const values = elementsIn(tensorsOf(spec, adapter, 1).shared)
  return {
    spec,
    privacy: plannedPrivacy(spec, { seats: invited.length, values }),
    base: { name: base.name, sha256: base.sha256, sizeBytes: baseBytes },
    parameters,
    agents,
    bytes: { base: baseBytes, downEachRound, upEachRound },
    tokensEachRound,
    memoryBytes,
    seconds: eachRound === null ? null : { eachRound, all: eachRound * spec.rounds.count },
    opensAt: opening?.isOpen === false ? new Date(opening.opensAtMs ?? 0).toISOString() : null,
    ready:
      suited.length >= spec.rounds.minimum &&
      (trusted === null || suited.some(({ name }) => name === trusted)),
  }
}

function memoryOf(hello: Available['hello'] | undefined): number | null {
  if (hello === undefined) return null
  const { kind, memoryBytes, gpu } = hello.device
  return kind === 'cpu' ? memoryBytes : (gpu?.memoryBytes ?? null)
}
