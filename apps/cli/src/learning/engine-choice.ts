/**
 * What computes, as every command that trains or runs a model lets people choose it.
 * @module
 */
import { availableParallelism } from 'node:os'
import {
  type Device,
  devices,
  type Engine,
  type EngineOptions,
  type RuntimeName,
  startEngine,
} from '@lorica/peft-core'
import { type Command, Option } from 'commander'
import { threadCount } from '../screen/argument.js'
import { withCode } from './errors.js'

export interface EngineChoice {
  readonly runtime: RuntimeName
  readonly device: Device
  readonly allowSoftwareGpu?: boolean
  readonly threads?: number
}

export function withEngineOptions(command: Command): Command {
  return command
    .option('--threads <n>', 'processor threads', threadCount)
    .addOption(
      new Option('--runtime <name>', 'what computes: onnxruntime, or TensorFlow.js')
        .choices(['ort', 'tfjs'])
        .default('ort'),
    )
    .addOption(
      new Option('--device <device>', 'where; `lorica doctor` says what this machine has')
        .choices([...devices])
        .default('cpu'),
    )
    .option('--allow-software-gpu', 'also use a GPU that the processor emulates')
}

/** The engine that was chosen, with as many threads as the machine has processors unless stated. */
export function engineOptions(choice: EngineChoice): EngineOptions {
  const { runtime, device, allowSoftwareGpu = false, threads = availableParallelism() } = choice
  return { runtime, device, allowSoftwareGpu, threads }
}

/** Starts the engine that was chosen. LRC-6012 when it cannot be used here. */
export function openEngine(choice: EngineChoice): Promise<Engine> {
  return withCode('LRC-6012', () => startEngine(engineOptions(choice)))
}
