import {
  type Adapter,
  nextControl,
  scaffoldCorrection,
  type TensorMap,
  type TrainResult,
  zeroControl,
} from '@lorica/peft-core'
import { type FileReference, LoricaError, type TrainAssignment } from '@lorica/protocol'

/** Reads the coordinator's control, its hash checked. */
export type ReadControl = (file: FileReference) => Promise<TensorMap>

/** What is added to the gradients of a round, and what the round then tells of the data here. */
export interface Correction {
  readonly tensors: TensorMap // c - c_k
  after(result: Pick<TrainResult, 'tensors' | 'rateSum'>): TensorMap // c_k+
}

/**
 * The correction that an assignment asks for: SCAFFOLD, with the control that this agent kept, or zeros where it has none. Undefined
 * where nothing is corrected. Throws LoricaError LRC-7003 when the coordinator's control is not of what is trained.
 */
export async function correctionFor(
  assignment: Pick<TrainAssignment, 'control'>,
  from: {
    readonly adapter: Adapter
    readonly frozen: ReadonlySet<string>
    readonly control: TensorMap | undefined
  },
  read: ReadControl,
): Promise<Correction | undefined> {
  if (assignment.control === undefined) return undefined
  const { adapter, frozen, control: own } = from
  const { file } = assignment.control
  const trained: TensorMap = new Map([...adapter.tensors].filter(([name]) => !frozen.has(name)))
  const server = file === null ? zeroControl(trained) : await read(file)
  if (shapesOf(server) !== shapesOf(trained)) {
    throw new LoricaError('LRC-7003', `${file?.path} is not of the tensors that are trained`, {
      expected: `${trained.size} tensors as the adapter has them`,
      received: `${server.size} tensors`,
    })
  }
  return {
    tensors: scaffoldCorrection(server, own),
    after: ({ tensors: end, rateSum }) =>
      nextControl({ start: adapter.tensors, end, server, own, rateSum }).own,
  }
}

function shapesOf(tensors: TensorMap): string {
  return JSON.stringify([...tensors].map(([name, { shape }]) => [name, shape]).sort())
}
