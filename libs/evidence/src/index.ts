export { holm, mcnemar } from './discordant.js'
export { type MedianInterval, medianInterval } from './median.js'
export {
  type Interval,
  type PairedVerdict,
  pairedInterval,
  pairedVerdict,
  smallestEffect,
} from './paired.js'
export { type RateInterval, rateInterval } from './rate.js'
export { lookAt, lookAtPairs, type SequentialLook, type SequentialPlan } from './sequential.js'
export { added, meanOf, type Sums, sumsOf, varianceOf } from './sums.js'
