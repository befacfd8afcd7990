import type { Adapter } from '../adapter/adapter.js'
import { tensorSource } from '../fold/tensor-source.js'
import { type Member, memberOf } from './cohort.js'

const known = new WeakMap<Adapter, Member>()

/** The adapter that agents started from, to be read as they are. */
export function startMember(start: Adapter): Member {
  const member =
    known.get(start) ??
    memberOf({
      id: 'the start',
      weight: 1,
      config: start.config,
      start: null,
      tensors: tensorSource(start.tensors),
    })
  known.set(start, member)
  return member
}
