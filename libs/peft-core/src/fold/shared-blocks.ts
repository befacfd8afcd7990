/**
 * Blocks that several threads sum and one thread takes in their order. Whoever is free claims the next block, so a thread that is slow
 * or late holds up nobody for longer than a block.
 * @module
 */

/** Memory that threads share: plain data, which a message can carry. */
export interface SharedBlocks {
  readonly control: Int32Array // NEXT, TAKEN, HALT, then what each slot holds
  readonly values: Float32Array // slots x blockValues
  readonly blocks: number
}

const MOST_SLOTS = 8 // sums that wait to be taken
const [NEXT, TAKEN, HALT, STATES] = [0, 1, 2, 3]

/** What a slot holds of block `index`: its sum, or that whoever claimed it could not sum it. */
const summed = (index: number): number => index + 1
const failed = (index: number): number => -(index + 1)

/** So many blocks of so many values. `spare` is memory that nobody uses any more: new memory costs its first use. */
export function createSharedBlocks(
  blocks: number,
  blockValues: number,
  spare: Float32Array | null = null,
): SharedBlocks {
  const slots = Math.min(MOST_SLOTS, blocks)
  const length = slots * blockValues
  return {
    control: new Int32Array(new SharedArrayBuffer(4 * (STATES + slots))),
    values: spare?.length === length ? spare : new Float32Array(new SharedArrayBuffer(4 * length)),
    blocks,
  }
}

/** The next block that nobody has, which is the caller's from now on. Undefined when none is left, or no slot is free for it. */
export function claim({ control, blocks }: SharedBlocks): number | undefined {
  const slots = slotsOf(control)
  for (;;) {
    const index = Atomics.load(control, NEXT)
    if (index >= blocks || index >= Atomics.load(control, TAKEN) + slots) return undefined
    if (Atomics.compareExchange(control, NEXT, index, index + 1) === index) return index
  }
}

/** Hands in the sum of a claimed block; null: it could not be summed. */
export function put(shared: SharedBlocks, index: number, sum: Float32Array | null): void {
  const slot = index % slotsOf(shared.control)
  if (sum !== null) slotOf(shared, index).set(sum)
  Atomics.store(shared.control, STATES + slot, sum === null ? failed(index) : summed(index))
  Atomics.notify(shared.control, STATES + slot)
}

/** What became of a block: its sum, until `taken`; null where it could not be summed; undefined: it is not there yet. */
export function found(shared: SharedBlocks, index: number): Float32Array | null | undefined {
  const state = Atomics.load(shared.control, STATES + (index % slotsOf(shared.control)))
  if (state === failed(index)) return null
  return state === summed(index) ? slotOf(shared, index) : undefined
}

/** Waits until something is handed in for a block. False when nothing was in `mostMs`. */
export function awaited({ control }: SharedBlocks, index: number, mostMs: number): boolean {
  const slot = STATES + (index % slotsOf(control))
  const before = Atomics.load(control, slot)
  if (before === summed(index) || before === failed(index)) return true
  return Atomics.wait(control, slot, before, mostMs) !== 'timed-out'
}

/** Frees the slot of a block, and of all before it. */
export function taken({ control }: SharedBlocks, index: number): void {
  Atomics.store(control, TAKEN, index + 1)
  Atomics.notify(control, TAKEN)
}

/** Ends the work of all threads, after the block that each is at. */
export function halt({ control }: SharedBlocks): void {
  Atomics.store(control, HALT, 1)
  Atomics.notify(control, TAKEN)
}

/** The blocks that a thread is to sum, as long as there are any; it waits while no slot is free. */
export function* claims(shared: SharedBlocks): Generator<number> {
  const { control, blocks } = shared
  while (Atomics.load(control, HALT) === 0 && Atomics.load(control, NEXT) < blocks) {
    const before = Atomics.load(control, TAKEN)
    const index = claim(shared)
    if (index !== undefined) yield index
    else Atomics.wait(control, TAKEN, before, 1000)
  }
}

function slotsOf(control: Int32Array): number {
  return control.length - STATES
}

function slotOf({ control, values }: SharedBlocks, index: number): Float32Array {
  const slots = slotsOf(control)
  const blockValues = values.length / slots
  const slot = index % slots
  return values.subarray(slot * blockValues, (slot + 1) * blockValues)
}
