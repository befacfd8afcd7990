/** The request of an operator that a line of the journal was written for, where it may be sent again under its key. */
export interface RequestMark {
  readonly keySha256: string // of the operator and the key
  readonly requestSha256: string // of what was asked
}
