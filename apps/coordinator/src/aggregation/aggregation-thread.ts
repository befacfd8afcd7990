/**
 * The program of the thread that aggregates: a request in, its result or a fault out.
 * @module
 */
import { parentPort } from 'node:worker_threads'
import { openBlocking } from '@lorica/peft-core'
import { finishSum } from '@lorica/privacy'
import { aggregateOf } from './aggregate.js'
import {
  type AggregationAnswer,
  type AggregationRequest,
  type AggregationResult,
  faultOf,
} from './aggregator.js'
import { addInputs } from './masked-sum.js'

const disk = { open: openBlocking }

parentPort?.on('message', async ({ id, asked }: AggregationRequest) => {
  try {
    const result = await resultOf(asked)
    parentPort?.postMessage({ id, result } satisfies AggregationAnswer, buffersOf(result))
  } catch (error) {
    parentPort?.postMessage({ id, fault: faultOf(error) } satisfies AggregationAnswer)
  }
})

async function resultOf(asked: AggregationRequest['asked']): Promise<AggregationResult> {
  switch (asked.kind) {
    case 'aggregate':
      return await aggregateOf({ disk, updatesFolder: asked.updatesFolder }, asked.closed)
    case 'add':
      return await addInputs(disk, asked.collecting, asked.inputs)
    case 'finish':
      return await finishSum(asked.closing, asked.reveals)
  }
}

/** The memory of the result, which is handed over and not copied. */
function buffersOf(result: AggregationResult): ArrayBuffer[] {
  const views =
    'candidate' in result
      ? [...result.candidate.tensors.values()].map(({ data }) => data)
      : 'maskedSum' in result
        ? [result.maskedSum]
        : 'sum' in result
          ? [result.sum]
          : []
  return [...new Set(views.map(({ buffer }) => buffer))].filter((buffer) => buffer instanceof ArrayBuffer)
}
