/** Where an adapter comes from; the same for each method. */
export interface PeftOrigin {
  readonly taskType: string | null
  readonly baseModel: string | null
  readonly revision: string | null
  /** The Python class of the base model; carried along, never used. */
  readonly autoMapping: Readonly<Record<string, unknown>> | null
}

/** What the base model adds to what a run asks for. */
export interface BaseFacts extends Partial<PeftOrigin> {
  /** Whether the base stores its frozen weights (inputs, outputs), as GPT-2 does. */
  readonly fanInFanOut?: boolean
  /** The `model_type` of the base; 'onnx' of an ONNX file. */
  readonly family?: string
  /** The width of the base's token embeddings. */
  readonly tokenDim?: number
}
