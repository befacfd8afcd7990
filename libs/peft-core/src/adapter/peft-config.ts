/**
 * The configuration of an adapter: one form per method, with the meaning that Hugging Face PEFT gives it.
 * Reference: https://huggingface.co/docs/peft/package_reference/config
 * @module
 */
import { createLoraConfig, type LoraConfig, type LoraSpec } from './lora-config.js'

/** What a run asks for, by method. */
export type PeftSpec = LoraSpec

/** What an adapter folder says about its tensors, by method. */
export type PeftConfig = LoraConfig

/** Where an adapter comes from; the same for each method. */
export interface PeftOrigin {
  readonly taskType: string | null
  readonly baseModel: string | null
  readonly revision: string | null
  /** The Python class of the base model; carried along, never used. */
  readonly autoMapping: Readonly<Record<string, unknown>> | null
}

/** Which modules an adapter changes; the same for each method that changes modules. */
export interface ModuleTargets {
  /** A list of names or ends of module paths, 'all-linear', or a regular expression of whole paths. */
  readonly targetModules: string | readonly string[]
  readonly excludeModules: string | readonly string[] | null
  readonly layersToTransform: number | readonly number[] | null
  readonly layersPattern: string | readonly string[] | null
}

/** What the base model adds to what a run asks for. */
export interface BaseFacts extends Partial<PeftOrigin> {
  /** Whether the base stores its frozen weights (inputs, outputs), as GPT-2 does. */
  readonly fanInFanOut?: boolean
}

/** The configuration of a new adapter. RangeError names what cannot be used. */
export function createPeftConfig(spec: PeftSpec, base: BaseFacts = {}): PeftConfig {
  switch (spec.method) {
    case 'lora':
      return createLoraConfig(spec, base)
  }
}
