export { type Accountant, type Epsilon, epsilonOf } from './accountant/epsilon.js'
export { gaussianEpsilon, gaussianNoise } from './accountant/gaussian.js'
export { type Noise, type NoiselessPhase, noiseFor } from './accountant/noise.js'
export type { Phase, Sampling } from './accountant/phase.js'
export { pldEpsilon } from './accountant/pld.js'
export { epsilonOfRdp, type RdpCurve, type RdpEpsilon, rdpCurve, rdpOrders } from './accountant/rdp.js'
export { chanceExposure, exposure, exposureVerdict, extrapolatedExposure } from './audit/exposure.js'
export { type Audit, auditCanaries, epsilonLowerBound, type Guesses } from './audit/one-run.js'
export {
  type MembershipScore,
  membershipScores,
  type ScoredText,
  scoresOf,
  type TokenScores,
} from './audit/scores.js'
export {
  type Interval,
  type Separation,
  type SeparationIntervals,
  separation,
  separationIntervals,
} from './audit/separation.js'
export { directionsIn, type Gradient, outside, rowsOutside, type Span, spanOf } from './audit/span.js'
export { type AuditVerdict, auditVerdict, type PrivacyPair } from './audit/verdict.js'
export { type Clipped, clip, jointNorm, type Tensor } from './clip.js'
export { LEAST_COHORT, type Pool, pooled } from './cohort.js'
export { type AdaptiveClip, nextClip, noisyShare, valueNoise } from './ledger/adaptive-clip.js'
export { type Account, type Charge, type PrivacyUnit, projected, spent, withCharge } from './ledger/charge.js'
export {
  type NoisySum,
  type NoisySumPlan,
  noiseDeviation,
  openNoisySum,
  withNoise,
} from './noise/noisy-sum.js'
export { addNoise } from './noise/noisy-values.js'
export {
  type Advertised,
  type AgentSide,
  type AgentStart,
  advertise,
  confirmSurvivors,
  inputMasks,
  maskInput,
  revealShares,
  shareSecrets,
} from './secure-sum/agent-side.js'
export {
  addInput,
  type Closing,
  type Collecting,
  closeInputs,
  deliverShares,
  finishSum,
  gatherConfirmations,
  type KeysListed,
  listKeys,
  type SecureSum,
} from './secure-sum/coordinator-side.js'
export { addInRing, decodeFixedPoint, encodeFixedPoint } from './secure-sum/fixed-point.js'
export { elementsIn, flattened, unflattened } from './secure-sum/flat-vector.js'
export { type GraphPlan, type GraphRequest, planGraph } from './secure-sum/graph-plan.js'
export type { SignedMask } from './secure-sum/mask.js'
export { type Masking, maskedElements, maskedUpdate } from './secure-sum/masked-update.js'
export {
  MEASURED_ELEMENTS,
  type MeasuredLoss,
  measuredElements,
  measuredRing,
  type SummedLoss,
  summedLoss,
} from './secure-sum/measured-loss.js'
export { encodeWithNoise } from './secure-sum/noisy-encoding.js'
export { packedBytes, packRing, unpackRing } from './secure-sum/packed.js'
export { finestRing, planRing, type Ring, type RingRequest, steppedRing } from './secure-sum/ring.js'
export {
  type NoiseShare,
  noiseShare,
  noisyRing,
  REACH,
  SHARED_NOISE_APART,
} from './secure-sum/shared-noise.js'
export { encodeStochastic } from './secure-sum/stochastic-rounding.js'
export {
  type Advertisement,
  advertisementText,
  type Confirmation,
  isRefusal,
  type MaskedInput,
  type Measures,
  type Reveal,
  type RevealedShare,
  type SealedShares,
  type ShareDelivery,
  type SumRefusal,
  type SumRefusalReason,
  type SumTerms,
  type VerifyText,
} from './secure-sum/terms.js'
export { termsProblem } from './secure-sum/terms-check.js'
