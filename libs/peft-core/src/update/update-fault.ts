/** Which check an update failed. */
export type UpdateFaultKind = 'hash' | 'format' | 'names' | 'shape' | 'element' | 'finite' | 'norm'

/** Why an update cannot be folded: what was expected of it, what it holds, and in which tensor. */
export class UpdateFault extends Error {
  readonly kind: UpdateFaultKind
  readonly tensor: string | undefined
  readonly expected: string
  readonly received: string

  constructor(kind: UpdateFaultKind, found: { tensor?: string; expected: string; received: string }) {
    const where = found.tensor === undefined ? '' : `${found.tensor} `
    super(`update: ${where}expected ${found.expected}, received ${found.received}`)
    this.name = 'UpdateFault'
    this.kind = kind
    this.tensor = found.tensor
    this.expected = found.expected
    this.received = found.received
  }
}
