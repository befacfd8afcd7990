export { type AgentView, agentViewSchema } from './agent-view.js'
export {
  type AggregatedAgent,
  type AggregatedModule,
  type AggregationView,
  type AgreementView,
  aggregationViewSchema,
  type RuledAgent,
  type RuleView,
  type SideView,
} from './aggregation-view.js'
export { type BaseView, baseViewSchema } from './base-view.js'
export { type GuardFinding, guardFindingSchema } from './guard-finding.js'
export { instantSchema } from './instant.js'
export {
  type JournalLine,
  type JournalPage,
  journalLineSchema,
  journalPageSchema,
} from './journal-page.js'
export {
  type FleetLiveEvent,
  fleetLiveEventSchema,
  LIVE_NAMESPACE,
  LIVE_PATH,
  LIVE_PROTOCOL,
  type LiveEvent,
  liveEventSchema,
  TOKEN_PROTOCOL,
} from './live-event.js'
export { type PlannedAgent, type PlannedPrivacy, type PlanView, planViewSchema } from './plan-view.js'
export {
  type PrivacyCharge,
  type PrivacyLedgerView,
  privacyLedgerViewSchema,
  type SitePrivacy,
} from './privacy-view.js'
export { errorOfProblem, type Problem, problemOf, problemSchema } from './problem.js'
export {
  type AuditFinding,
  auditFindingSchema,
  parseAuditFinding,
  type ReleaseAudit,
  releaseAuditSchema,
} from './release-audit.js'
export { type ReleaseView, releaseViewSchema } from './release-view.js'
export { type ReplayNoise, type ReplayView, replayViewSchema } from './replay-view.js'
export {
  type MetricView,
  type RolloutAgentView,
  type RolloutDetail,
  type RolloutGroupView,
  type RolloutLine,
  type RolloutPreview,
  type RolloutState,
  type RolloutVerdict,
  type RolloutView,
  rolloutDetailSchema,
  rolloutPreviewSchema,
  rolloutViewSchema,
} from './rollout-view.js'
export {
  type AgentFate,
  type AgentInRound,
  type AttemptView,
  type LastProgress,
  type ReasonCount,
  type RoundSummary,
  type RoundView,
  roundSummarySchema,
  roundViewSchema,
  type SumView,
} from './round-view.js'
export { type RunEvent, runEventSchema } from './run-event.js'
export { runSpecShownSchema } from './run-spec-shown.js'
export {
  type ContributionRecord,
  type LateStart,
  type RefusalRecord,
  type RoundCost,
  type RoundEnergy,
  type RoundRecord,
  type RunState,
  type RunView,
  runViewSchema,
} from './run-view.js'
export type { Shown } from './shown.js'
export { type TrustView, trustViewSchema } from './trust-view.js'
export { type WhoamiView, whoamiViewSchema } from './whoami-view.js'
