import {
  type FileReference,
  type GuardedMetric,
  type GuardFinding,
  type Lineage,
  type PrivacyStatement,
  type ReleaseManifest,
  type RuleView,
  SOFTWARE,
} from '@lorica/protocol'
import type { Contribution, Measured } from '../journal/event.js'
import { findingText } from '../releases/finding-text.js'
import type { Run } from '../runs/run.js'
import { weighted } from '../runs/weights.js'

/** The manifest of a candidate that passed the gate. */
export function manifestOf(
  run: Run,
  candidate: {
    readonly version: number
    readonly round: number
    readonly files: readonly FileReference[]
    readonly contributions: readonly Contribution[]
    readonly measured: Measured
    readonly guards: readonly GuardFinding[]
    readonly lineage: Lineage
    readonly privacy?: PrivacyStatement | undefined // then it says nothing of single sites
    readonly rule?: RuleView | null // what a robust rule decided: what it left out is no part of the release
  },
  signer: { readonly coordinatorPublicKey: string; readonly createdAt: string },
): ReleaseManifest {
  const { version, round, files, contributions, measured, guards, lineage, privacy, rule = null } = candidate
  const isProtected = privacy !== undefined
  return {
    schema: 2,
    version,
    name: `v${version}`,
    runId: run.runId,
    runName: run.spec.name,
    round,
    parent: run.release,
    base: { sha256: run.base.sha256, name: run.base.name },
    files: [...files],
    contributions: (isProtected ? [] : weighted(run.spec, contributions, rule))
      .filter(({ weight }) => weight > 0)
      .map(({ agentId, name, updateSha256, weight }) => ({ agentId, name, updateSha256, weight })),
    evaluation: isProtected
      ? { loss: null, tokens: 0, perAgent: [] }
      : {
          ...{ loss: measured.loss, tokens: measured.tokens, perAgent: [...measured.perAgent] },
          ...(guards.length === 0 ? {} : { guards: guards.map(guardedOf) }),
        },
    lineage,
    ...(isProtected ? { privacy } : {}),
    createdAt: signer.createdAt,
    software: SOFTWARE,
    coordinatorPublicKey: signer.coordinatorPublicKey,
  }
}

/** A finding as a release tells it: of no single agent by name. */
function guardedOf(finding: GuardFinding): GuardedMetric {
  const { agentId: _, group: __, ...rest } = finding
  return { ...rest, text: findingText({ ...finding, agentId: null }).slice(0, 500) }
}
