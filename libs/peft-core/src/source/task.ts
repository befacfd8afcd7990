/** What logits predict: the next token, the token in place where it is masked, or one class for the whole row. */
export type Task = 'causal' | 'masked' | 'sequence'
