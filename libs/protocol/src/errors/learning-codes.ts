/** 7xxx: models, adapters and training. */
export const learningCodes = {
  'LRC-7001': {
    title: 'Model cannot be read',
    meaning: 'The path is not a Hugging Face folder or an ONNX file that this version understands.',
    action: 'See what is found with `lorica inspect MODEL`.',
  },
  'LRC-7002': {
    title: 'Model cannot be trained',
    meaning:
      'The graph uses an operator without a gradient rule, or a family that this version does not build.',
    action: '`lorica inspect MODEL` lists what is missing.',
  },
  'LRC-7003': {
    title: 'Adapter cannot be read',
    meaning: 'The folder does not hold a PEFT adapter that this version understands.',
    action: 'Give a folder with adapter_config.json and adapter_model.safetensors.',
  },
  'LRC-7004': {
    title: 'Adapter does not fit the model',
    meaning: 'The adapter names modules or shapes that the model does not have.',
    action: 'Use the base that the adapter was trained on.',
  },
  'LRC-7005': {
    title: 'Tokenizer cannot be read',
    meaning: 'The base has no tokenizer.json that this version understands.',
    action: 'Put tokenizer.json and tokenizer_config.json beside the model.',
  },
  'LRC-7006': {
    title: 'Aggregate is not finite',
    meaning: 'Folding finite updates gave values that a 32-bit float cannot hold.',
    action: 'Set privacy.clip, and lower local.learningRate.',
  },
  'LRC-7007': {
    title: 'Adapters cannot be aggregated so',
    meaning:
      'The adapters differ in a way that this strategy cannot take: other modules, ranks, scalings or methods.',
    action: 'Choose a strategy that takes them, as the message says, or leave the adapter out.',
  },
  'LRC-7008': {
    title: 'Robust rule has too few updates',
    meaning:
      'The round has fewer updates than the rule needs to hold against as many liars as it is told, or not that of the agent it trusts.',
    action: 'Let more agents take part, or set aggregate.robust.liars to fewer.',
  },
} as const
