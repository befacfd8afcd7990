import { createHash } from 'node:crypto'
import { canonicalJson, type Lineage, SOFTWARE } from '@lorica/protocol'
import type { Contribution } from '../journal/event.js'
import type { RoundState } from '../runs/round.js'
import type { Run } from '../runs/run.js'

/** What a lineage is made of beside the run and its round. */
export interface LineageParts {
  readonly contributions: readonly Contribution[]
  readonly parentLoss: number | null
  /** The hash of the manifest of a release. */
  readonly idOf: (release: string) => string | undefined
  /** What an agent says that it runs. */
  readonly softwareOf: (agentId: string) => string | undefined
  readonly isProtected: boolean // then losses are no part of it
}

/** How the release of a round came about. */
export function lineageOf(run: Run, round: RoundState, parts: LineageParts): Lineage {
  const { spec, seed, release, rounds: past } = run
  const { contributions, idOf, softwareOf, isProtected } = parts
  const parentId = release === null ? undefined : idOf(release)
  const agents = contributions.map(({ agentId }) => agentId)
  const everybody = [...agents, ...past.flatMap((one) => one.contributions.map(({ agentId }) => agentId))]
  const devices = agents.map((agentId) => round.seats.get(agentId)?.device)
  return {
    parents: release === null || parentId === undefined ? [] : [{ name: release, id: parentId }],
    rounds: { done: round.round, planned: spec.rounds.count },
    sites: { round: new Set(agents).size, run: new Set(everybody).size },
    settings: settingsOf(spec, seed),
    aggregation: aggregationIn(round),
    before: {
      baseline: isProtected ? null : (run.baseline?.loss ?? null),
      parent: isProtected ? null : parts.parentLoss,
    },
    software: {
      ...{ coordinator: SOFTWARE, node: process.version },
      ...{ agents: kinds(agents.map(softwareOf)), devices: kinds(devices) },
    },
  }
}

function settingsOf(spec: Run['spec'], seed: number): Lineage['settings'] {
  const { peft, data, local, aggregate } = spec
  const { method, rank, alpha, rslora, targets, modulesToSave = [] } = peft
  const { steps, batch, learningRate, optimizer = 'adamw' } = local
  return {
    sha256: createHash('sha256').update(canonicalJson(spec)).digest('hex'),
    ...{ seed, method, rank, alpha, rslora, targets, modulesToSave },
    ...{ format: data.format, maxTokens: data.maxTokens, steps, batch, learningRate, optimizer },
    ...{ strategy: aggregate.strategy, trust: aggregate.trust ?? 'exact' },
  }
}

function aggregationIn({ aggregation }: RoundState): Lineage['aggregation'] {
  if (aggregation === null || aggregation === undefined) return null
  const { exact, error, norm, change, agreement, notes, rule } = aggregation
  return {
    ...{ exact, error, norm, change, agreement, rule: rule?.rule ?? null },
    notes: notes.slice(0, 32).map((note) => note.slice(0, 1000)),
  }
}

/** Each once, sorted, as many as a manifest names. */
function kinds(values: readonly (string | undefined)[]): string[] {
  return [...new Set(values.filter((value) => value !== undefined))].sort().slice(0, 64)
}
