import { adapterFiles, updateDataBytes } from '@lorica/peft-core'
import type { PlannedAgent, PlanView } from '@lorica/protocol'
import type { Member, Roster } from '../fleet/roster.js'
import { bystandersOf } from './bystanders.js'
import { chooseAgents, suitedAgents } from './selection.js'
import type { PinnedRun } from './start.js'

/** What the first round of a run would be if it started now: who takes part, why others do not, and what it would move. */
export function previewOf(
  { spec, seed, base, adapter }: PinnedRun,
  members: readonly Member[],
  roster: Pick<Roster, 'eligible' | 'find'>,
): PlanView {
  const run = { spec, seed, rounds: [], excluded: [] }
  const present = roster.eligible()
  const { suited } = suitedAgents(run, present)
  const invited = chooseAgents(run, 1, present)
  const isConnected = (agentId: string) => roster.find(agentId) !== undefined
  const bystanders = bystandersOf(run, invited, { members, eligible: present, isConnected })
  const reasons = new Map(bystanders.map((bystander) => [bystander.agentId, bystander]))
  const agents = members
    .filter(({ left }) => left === null)
    .map(({ agentId, name }): PlannedAgent => {
      const { fate, reason } = reasons.get(agentId) ?? { fate: 'invited', reason: null }
      return { agentId, name, fate, reason }
    })
  const files = Object.entries(adapterFiles(adapter))
  const downEachRound = files.reduce((sum, [, { byteLength }]) => sum + byteLength, 0)
  const asF32 = files.find(([name]) => name === 'adapter_model.safetensors')?.[1].byteLength ?? 0
  const shapes = [...adapter.tensors.values()].map(({ shape }) => shape)
  const saved = updateDataBytes(shapes, 'f32') - updateDataBytes(shapes, spec.update.encoding)
  const upEachRound = asF32 - saved
  const parameters = [...adapter.tensors.values()].reduce((sum, { data }) => sum + data.length, 0)
  const baseBytes = base.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return {
    spec,
    base: { name: base.name, sha256: base.sha256, sizeBytes: baseBytes },
    parameters,
    agents,
    bytes: { base: baseBytes, downEachRound, upEachRound },
    tokensEachRound: spec.local.steps * spec.local.accumulate * spec.local.batch * spec.data.maxTokens,
    ready: suited.length >= spec.rounds.minimum,
  }
}
