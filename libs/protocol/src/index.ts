export * from './api/index.js'
export { type Chunk, chunksOf } from './codec/chunks.js'
export { decodeFrame, encodeFrame } from './codec/frame.js'
export { decodePacket, encodePacket, type Packet } from './codec/packet.js'
export { parser } from './codec/parser.js'
export { type FrameBudget, scanFrame } from './codec/scan.js'
export { type CodePage, codes, type ErrorCode, explain, isErrorCode } from './errors/code.js'
export { asLoricaError, type ErrorContext, LoricaError } from './errors/lorica-error.js'
export { errorOf, type Refusal, refusalOf, refusalSchema } from './errors/refusal.js'
export type { AgentEvents, CoordinatorEvents } from './events.js'
export { limits } from './limits.js'
export {
  type Assignment,
  assignmentSchema,
  type EvaluateAssignment,
  parseAssignment,
  parseAssignmentReply,
  type TrainAssignment,
} from './messages/assignment.js'
export { type Binding, bindingSchema, parseBinding } from './messages/binding.js'
export { type BlobRead, type BlobReadReply, parseBlobRead, parseBlobReadReply } from './messages/blob-read.js'
export {
  type CatalogueEntry,
  catalogue,
  fitMessage,
  fitReply,
  isKnownTo,
  type MessageName,
} from './messages/catalogue.js'
export {
  type Challenge,
  type ChallengeRequest,
  challengeRequestSchema,
  challengeSchema,
  parseChallenge,
  parseChallengeRequest,
} from './messages/challenge.js'
export { type Decline, parseDecline, parseDeclineReply } from './messages/decline.js'
export {
  CALIBRATION_BINS,
  type Comparison,
  comparisonSchema,
  type Evaluation,
  parseEvaluation,
  parseEvaluationReply,
} from './messages/evaluation.js'
export {
  agentNameSchema,
  type Energy,
  energySchema,
  type FileReference,
  fileSchema,
  labelKeySchema,
  labelsSchema,
  type UpdateEncoding,
  updateEncodingSchema,
} from './messages/field.js'
export { type Hello, type HelloReply, parseHello, parseHelloReply } from './messages/hello.js'
export {
  type Joined,
  type JoinRequest,
  joinedSchema,
  joinRequestSchema,
  parseJoined,
  parseJoinRequest,
} from './messages/join.js'
export { type Leave, parseLeave, parseLeaveReply } from './messages/leave.js'
export { type Reply, readMessage, readReply } from './messages/message.js'
export { OVERLAP_WORDS, type Probed, type Probes, SHORT_HASH_BYTES } from './messages/probe.js'
export { type Progress, parseProgress, parseProgressReply } from './messages/progress.js'
export type { Receipt } from './messages/receipt.js'
export { parseRelease, parseReleaseReply, type Release } from './messages/release.js'
export {
  parseRotated,
  parseRotation,
  type Rotated,
  type Rotation,
  rotatedSchema,
  rotationSchema,
} from './messages/rotation.js'
export { parseRunEnded, parseRunEndedReply, type RunEnded } from './messages/run-ended.js'
export {
  type Answered,
  parseServingHealth,
  parseServingHealthReply,
  type ServingHealth,
} from './messages/serving-health.js'
export { fitted, since } from './messages/since.js'
export { parseSumConfirm, parseSumConfirmReply, type SumConfirm } from './messages/sum-confirm.js'
export {
  parseSumConfirmations,
  parseSumConfirmationsReply,
  type SumConfirmations,
} from './messages/sum-confirmations.js'
export { parseSumDelivery, parseSumDeliveryReply, type SumDelivery } from './messages/sum-delivery.js'
export { parseSumInput, parseSumInputReply, type SumInput } from './messages/sum-input.js'
export { parseSumKeys, parseSumKeysReply, type SumKeys } from './messages/sum-keys.js'
export { parseSumReveal, parseSumRevealReply, type SumReveal } from './messages/sum-reveal.js'
export { parseSumRoster, parseSumRosterReply, type SumRoster } from './messages/sum-roster.js'
export { parseSumShares, parseSumSharesReply, type SumShares } from './messages/sum-shares.js'
export { parseSumSurvivors, parseSumSurvivorsReply, type SumSurvivors } from './messages/sum-survivors.js'
export { parseTarget, parseTargetReply, type TargetMessage } from './messages/target.js'
export { parseTargetReport, parseTargetReportReply, type TargetReport } from './messages/target-report.js'
export { parseTrust, parseTrustReply, type TrustLetter } from './messages/trust.js'
export {
  parseUpdateChunk,
  parseUpdateChunkReply,
  type UpdateChunk,
  type UpdateChunkReply,
} from './messages/update-chunk.js'
export {
  parseUpdateClose,
  parseUpdateCloseReply,
  type UpdateClose,
  type UpdateCloseReply,
} from './messages/update-close.js'
export {
  parseUpdateOpen,
  parseUpdateOpenReply,
  type UpdateOpen,
  type UpdateOpenReply,
} from './messages/update-open.js'
export { canonicalJson } from './signing/canonical-json.js'
export {
  createIdentity,
  fingerprintOf,
  type Identity,
  idOf,
  restoreIdentity,
  type StoredIdentity,
  signText,
  storeIdentity,
  verifyText,
} from './signing/identity.js'
export {
  createToken,
  equalTexts,
  isPinnedKey,
  type JoinLink,
  joinLink,
  parseJoinLink,
  tokenSecretSha256,
} from './signing/join-link.js'
export { followsKnown, type KeyRotation, rotationsIn, rotationsText } from './signing/key-chain.js'
export type { Lineage } from './signing/lineage.js'
export {
  type Acceptable,
  type AgentEvaluation,
  type GuardedMetric,
  manifestId,
  type PrivacyStatement,
  type ReleaseManifest,
  releaseManifestSchema,
  signManifest,
  verifyRelease,
} from './signing/manifest.js'
export {
  bindingText,
  connectText,
  FLEET_PATH,
  joinedText,
  joinText,
  nonceHeader,
  proofHeaders,
  rotateText,
} from './signing/proof.js'
export { adapterHash, type Question, questionOf, trainingHash } from './signing/question.js'
export { type KnownTarget, signTarget, type Target, targetSha256, verifyTarget } from './signing/target.js'
export type { DpSpec, ExampleDpSpec, SiteDpSpec } from './spec/dp-spec.js'
export { parseDuration } from './spec/duration.js'
export { type GuardMetric, type GuardSpec, looksCloser, metricsOfAnswers } from './spec/guard-spec.js'
export type { OptimizerSpec } from './spec/optimizer-spec.js'
export { parsePercentage } from './spec/percentage.js'
export { leastUpdates, type RobustSpec } from './spec/robust-spec.js'
export {
  parseRolloutSpec,
  type RolloutMetric,
  type RolloutSpec,
  rolloutMetrics,
  rolloutSpecSchema,
} from './spec/rollout-spec.js'
export { parseRunSpec, type RunSpec, runSpecSchema } from './spec/run-spec.js'
export { localTime, type Opening, openingAt, type Schedule } from './spec/schedule.js'
export { type Facts, factNames, parseSelection, type Selection, textOf, unmet } from './spec/selection.js'
export {
  type WebhookGate,
  type WebhookNews,
  type WebhookSpec,
  webhookGates,
  webhookNews,
} from './spec/webhook-spec.js'
export { withoutPaths, withoutSecrets } from './telemetry/redaction.js'
export { contextFor, contextOf, type Span, type SpanContext, traceparentOf } from './telemetry/span.js'
export { createSpanExporter, type SpanExporter, spanTargetIn } from './telemetry/span-exporter.js'
export { parseRoot, type Root, rootSchema, textOfRoot } from './trust/root.js'
export {
  expectPinned,
  introductionText,
  pinOf,
  type RootPin,
  type SignedRoot,
  signedRootSchema,
  signersAmong,
  signRoot,
  verifyRoot,
} from './trust/signed-root.js'
export {
  expectFresh,
  type Proof,
  pinnedTrust,
  proveText,
  type SignedText,
  type Trust,
  verifySigned,
} from './trust/trust.js'
export { PROTOCOL_VERSION, type ProtocolVersion, SOFTWARE, spokenVersions } from './version.js'
