/**
 * - `malformed`: the bytes are not an ONNX model, or one that contradicts itself.
 * - `missing-data`: a file with weights is not where the model says, or is too short.
 * - `unsupported`: the model is sound; Lorica cannot use it. - `no-logits`: it has no output to compute a loss from.
 */
export type OnnxFailure = 'malformed' | 'missing-data' | 'unsupported' | 'no-logits'

/** Why an ONNX model cannot be used. */
export class OnnxError extends Error {
  readonly reason: OnnxFailure

  constructor(reason: OnnxFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OnnxError'
    this.reason = reason
  }
}

/** An operator that cannot be differentiated or run, with how often a model uses it and one place where it does. */
export interface UnsupportedOperator {
  readonly operator: string
  readonly count: number
  readonly example: string
}

/** Every operator of a model that is not supported. */
export class UnsupportedOperators extends OnnxError {
  readonly operators: readonly UnsupportedOperator[]

  constructor(operators: readonly UnsupportedOperator[]) {
    const list = operators.map(
      ({ operator, count, example }) => `${operator} (${count}, first at ${example})`,
    )
    super('unsupported', `the model uses operators that are not supported: ${list.join('; ')}`)
    this.name = 'UnsupportedOperators'
    this.operators = operators
  }
}
