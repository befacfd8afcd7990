/**
 * The configuration of an adapter: one form per method, with the meaning that Hugging Face PEFT gives it.
 * Reference: https://huggingface.co/docs/peft/package_reference/config
 * @module
 */
import { type BottleneckConfig, type BottleneckSpec, createBottleneckConfig } from './bottleneck-config.js'
import { createIa3Config, type Ia3Config, type Ia3Spec } from './ia3-config.js'
import { createLoraConfig, type LoraConfig, type LoraSpec } from './lora-config.js'
import type { BaseFacts } from './origin.js'
import { createPromptConfig, type PromptConfig, type PromptSpec } from './prompt-config.js'

/** What a run asks for, by method. */
export type PeftSpec = LoraSpec | Ia3Spec | PromptSpec | BottleneckSpec

/** What an adapter folder says about its tensors, by method. */
export type PeftConfig = ModuleConfig | PromptConfig

/** The configuration of a method that changes modules. */
export type ModuleConfig = LoraConfig | Ia3Config | BottleneckConfig

/** The configuration of a new adapter. RangeError names what cannot be used. */
export function createPeftConfig(spec: PeftSpec, base: BaseFacts = {}): PeftConfig {
  return spec.method === 'prompt' ? createPromptConfig(spec, base) : createModuleConfig(spec, base)
}

/** The configuration of a new adapter that changes modules. RangeError names what cannot be used. */
export function createModuleConfig(spec: Exclude<PeftSpec, PromptSpec>, base: BaseFacts): ModuleConfig {
  const { family: _, tokenDim: __, ...facts } = base
  switch (spec.method) {
    case 'lora':
    case 'dora':
      return createLoraConfig(spec, facts)
    case 'ia3':
      return createIa3Config(spec, base)
    case 'bottleneck':
      return createBottleneckConfig(spec, base)
  }
}
