/**
 * The program of the thread that aggregates: a request in, an aggregate or a fault out.
 * @module
 */
import { parentPort } from 'node:worker_threads'
import { openBlocking } from '@lorica/peft-core'
import { aggregateOf } from './aggregate.js'
import { type AggregationAnswer, type AggregationRequest, faultOf } from './aggregator.js'
import type { Aggregated } from './closed-round.js'

const disk = { open: openBlocking }

parentPort?.on('message', async ({ id, updatesFolder, closed }: AggregationRequest) => {
  try {
    const aggregated = await aggregateOf({ disk, updatesFolder }, closed)
    parentPort?.postMessage({ id, aggregated } satisfies AggregationAnswer, buffersOf(aggregated))
  } catch (error) {
    parentPort?.postMessage({ id, fault: faultOf(error) } satisfies AggregationAnswer)
  }
})

/** The memory of the result, which is handed over and not copied. */
function buffersOf({ candidate }: Aggregated): ArrayBuffer[] {
  const buffers = [...candidate.tensors.values()].map(({ data }) => data.buffer)
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer)
}
