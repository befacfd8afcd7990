/**
 * Fine-tuning with low-rank adapters: models, adapters, data, an engine to train and evaluate with, and aggregation.
 * @module
 */

// Adapters and the files they live in.
export { type MergedModel, type MergeJob, mergeAdapter } from './adapt/merge.js'
export { readAdapterFor } from './adapt/same-base.js'
export { createAdapter } from './adapt/start.js'
export { weightStarts } from './adapt/weight-start.js'
export {
  type Adapter,
  type AdapterFiles,
  adapterFiles,
  parseAdapter,
  readAdapter,
  writeAdapter,
} from './adapter/adapter.js'
export { type NonLinearity, nonLinearities } from './adapter/bottleneck-config.js'
export { factorPairs } from './adapter/factors.js'
export { createPeftConfig, type PeftConfig, type PeftSpec } from './adapter/peft-config.js'
export { factorsByModule, plainAdapter } from './adapter/plain-lora.js'
export { decodeSafetensors, readSafetensors, readSafetensorsHeader } from './adapter/safetensors.js'
export {
  parseSafetensorsHeader,
  type SafetensorsHeader,
  type TensorSlice,
} from './adapter/safetensors-header.js'
export { encodeSafetensors, writeSafetensors } from './adapter/safetensors-write.js'
export type { StartFactors, Starts } from './adapter/start-factors.js'
export { type RawTensor, rawTensor, type Tensor, type TensorMap } from './adapter/tensor.js'
export { writeTensors } from './adapter/tensor-file.js'
export { floatTensor, integerValues, storedAs } from './adapter/values.js'
// Aggregation of many updates into one adapter.
export { openAdapterFolder, type StoredAdapter, safetensorsSource } from './aggregate/adapter-folder.js'
export type { Shapes } from './aggregate/cohort.js'
export type { Target } from './aggregate/compress.js'
export type { Contribution } from './aggregate/contribution.js'
export { filledAdapter } from './aggregate/filled.js'
export { type FoldSpeed, measureFold } from './aggregate/fold-speed.js'
export { meanChange } from './aggregate/mean-change.js'
export { orthonormalStart } from './aggregate/orthonormal-start.js'
export { hasPart, personalAdapter, withOwn } from './aggregate/personal.js'
export { principalStart } from './aggregate/principal-start.js'
export type {
  AggregationReport,
  Agreement,
  ContributionReport,
  ModuleReport,
} from './aggregate/report.js'
export type {
  AggregationRule,
  RememberingRule,
  RuledContribution,
  RuleReport,
} from './aggregate/robust-aggregate.js'
export { rotatedAdapter } from './aggregate/rotated-adapter.js'
export {
  type Change,
  changeBetween,
  type Moments,
  type ServerOptimizer,
  type ServerState,
  serverDefaults,
  serverOptimizers,
  serverStep,
} from './aggregate/server-optimizer.js'
export { decodeServerState, encodeServerState } from './aggregate/server-state-file.js'
export { joinedAdapter, type SplitAdapter, splitAdapter, trainedShapes } from './aggregate/side-adapter.js'
export { type Growing, type Grown, grownAdapter } from './aggregate/side-growth.js'
export {
  type Buffered,
  type BufferedUpdate,
  bufferWeights,
  type StalenessRule,
  type StalenessWeight,
  type StaleUpdate,
  stalenessWeight,
} from './aggregate/staleness.js'
export { type StrategyName, type StrategySpec, strategyNames, strategyOf } from './aggregate/strategies.js'
export type { Aggregate, Aggregation, AggregationPlan, Strategy, TensorRole } from './aggregate/strategy.js'
export { truncatedAdapter } from './aggregate/truncated.js'
// Data: files as rows to train on and to judge by.
export { type ChatTemplate, createChatTemplate } from './data/chat-template.js'
export { type Corpus, type CorpusOptions, openCorpus } from './data/corpus.js'
export { type DataFormat, dataFormats } from './data/format.js'
export { type ImageCorpusOptions, openImageCorpus } from './data/image-corpus.js'
export { type ImageProcessor, readImageProcessor } from './data/image-processor.js'
export { type PoissonPlan, poissonSteps, rowsAtOnce, samplingRate } from './data/poisson-steps.js'
export { countDocuments } from './data/records.js'
export { batchesIn, evaluationRows, type RowSource, trainingRows } from './data/row-source.js'
export { textRows, unclassedRows } from './data/text-rows.js'
// Many texts that grow side by side, in a process of its own.
export type { ChoiceOptions } from './decode/choice.js'
export type { DecodingFacts, DecodingSpec, LoadedAdapter, Trial } from './decode/decoding.js'
export { type DecodingEngine, startDecodingEngine } from './decode/decoding-engine.js'
export type { DecodedText, DecodedToken, DecodeJob, Ending, OnToken } from './decode/growth.js'
export type { Answer } from './evaluate/answer.js'
export {
  type CalibrationBin,
  calibrationError,
  createExampleTally,
  type ExampleFigures,
  type ExampleTally,
} from './evaluate/example-figures.js'
export type { Sampling } from './evaluate/generate.js'
export type { MeasuredBatch } from './evaluate/measured-batch.js'
export { createMetricsTally, type Latency, type Metrics, type MetricsTally } from './evaluate/metrics.js'
export type { ClassScore } from './evaluate/per-class.js'
export { percentile } from './evaluate/percentile.js'
export { repetitionRate } from './evaluate/repetition.js'
export { surerShares } from './evaluate/surer.js'
export { gramHashes, hashKey, hashList, wordHash, wordsOf } from './evaluate/words.js'
export { type FilePool, filePool } from './fold/file-pool.js'
export { type TensorRange, type TensorSource, tensorSource } from './fold/tensor-source.js'
export { updateSources } from './fold/update-source.js'
// Robust aggregation: whole updates compared by their inner products in the model.
export {
  againstMean,
  freeRide,
  hiddenShift,
  littleIsEnough,
  noiseUpdate,
  scaledUpdate,
} from './robust/attacks.js'
export { decodeDistances, encodeDistances } from './robust/distance-memory-file.js'
export { squaredDistances, updateNorms } from './robust/distances.js'
export {
  type AdapterParts,
  adapterReader,
  type FactorReader,
  type ModuleFactors,
} from './robust/factor-reader.js'
export { gramMatrix, type ReadUpdate } from './robust/gram.js'
export { rememberedKrum } from './robust/krum.js'
export {
  type DistanceMemory,
  meanDistances,
  relativeDistances,
  remembered,
} from './robust/remembered-distances.js'
export {
  type RobustRule,
  robustValues,
  robustWeights,
  type ValueRule,
  valueRules,
  type WholeRule,
  wholeRules,
} from './robust/rule.js'
export type { RuledValues } from './robust/trained-factor.js'
// Training, evaluation and generation, in a process of its own.
export { type Engine, startEngine } from './runtime/engine.js'
export { EngineError, type EngineFailure } from './runtime/engine-error.js'
export type { EngineOptions } from './runtime/engine-link.js'
export type { EngineFacts, RuntimeChoice } from './runtime/load.js'
export { type DeviceReport, probeDevice } from './runtime/probe.js'
export { type Device, devices, type RuntimeName } from './runtime/runtime.js'
export { tfjsFolder } from './runtime/tfjs-load.js'
export type { EngineSpec } from './runtime/training-graph.js'
export type { BlockFormat } from './source/block-weights.js'
// Models.
export { describeModel, type ModelDescription } from './source/describe.js'
export { float32Copy } from './source/float32-copy.js'
export { hashModel, type ModelFile, type ModelHash } from './source/model-files.js'
export type { NewHead } from './source/new-head.js'
export { type QuantizedModel, type QuantizeJob, quantizeModel } from './source/quantize.js'

export type { OptimizerState } from './train/adamw.js'
// Data.
export {
  type Batch,
  type Batches,
  type BatchSize,
  batchSize,
  type ImageBatch,
  type TokenBatch,
} from './train/batch.js'
export { readBatch } from './train/batch-file.js'
export { evaluationBatches, packWindows, trainingBatches, type Windows } from './train/batches.js'
export { type Checkpoint, readCheckpoint, writeCheckpoint } from './train/checkpoint.js'
export { type ClippedStep, sumClipped } from './train/clipped-sum.js'
export type { ClippedSums, ClippingModel, ClippingOptions } from './train/clipping.js'
export { decodeControl, encodeControl } from './train/control-file.js'
export { readDocuments, streamDocuments } from './train/documents.js'
export type { TrainingEstimate } from './train/estimate.js'
export { splitHoldout } from './train/holdout.js'
export { type InspectOptions, inspectModel, type ModelReport } from './train/inspect.js'
export { expectKnownIds } from './train/known-ids.js'
export { exportOnnx, type OnnxExport, type OnnxJob } from './train/onnx-export.js'
export type { OptimizerOptions } from './train/optimizer.js'
export { encodeOptimizerState, readOptimizerState } from './train/optimizer-file.js'
export {
  type PrivateStep,
  type PrivateSteps,
  type PrivateTrainJob,
  type PrivateTrainResult,
  trainPrivately,
} from './train/private-trainer.js'
export type { Proximal } from './train/proximal.js'
export { createRandom, fillNormal, type Random, shuffled } from './train/random.js'
export {
  type ControlRound,
  nextControl,
  nextServerControl,
  type ScaffoldRound,
  scaffoldCorrection,
  zeroControl,
} from './train/scaffold.js'
export { rateSumOf, type Schedule } from './train/schedule.js'
export { createSecretRandom, type SecretRandom } from './train/secret-random.js'
export { splitRows } from './train/split-rows.js'
export { openTokenizer, type Tokenizer } from './train/tokens.js'
export type { StepProgress, TrainJob, TrainResult } from './train/trainer.js'
// Updates as they travel, and how one is checked.
export { type OpenFile, openBlocking, openOnDisk, type RangeFile } from './update/range-file.js'
export {
  type CheckedUpdate,
  checkUpdate,
  startUpdateCheck,
  type UpdateCheck,
  type UpdateExpectation,
} from './update/update-check.js'
export {
  type EncodedUpdate,
  encodeUpdate,
  type UpdateEncoding,
  updateDataBytes,
  updateEncodings,
} from './update/update-encoding.js'
export { UpdateFault, type UpdateFaultKind } from './update/update-fault.js'
export { type TensorChunk, updateChunks } from './update/update-file.js'
