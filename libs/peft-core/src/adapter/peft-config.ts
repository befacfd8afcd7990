/**
 * The configuration of an adapter: one form per method, with the meaning that Hugging Face PEFT gives it.
 * Reference: https://huggingface.co/docs/peft/package_reference/config
 * @module
 */
import { createLoraConfig, type LoraConfig, type LoraSpec } from './lora-config.js'
import type { BaseFacts } from './origin.js'

/** What a run asks for, by method. */
export type PeftSpec = LoraSpec

/** What an adapter folder says about its tensors, by method. */
export type PeftConfig = LoraConfig

/** The configuration of a new adapter. RangeError names what cannot be used. */
export function createPeftConfig(spec: PeftSpec, base: BaseFacts = {}): PeftConfig {
  switch (spec.method) {
    case 'lora':
      return createLoraConfig(spec, base)
  }
}
