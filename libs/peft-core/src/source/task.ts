/**
 * What logits predict: the next token; the token in place where it is masked; a class for each token; or one class for
 * the whole row, of text (`sequence`) or an image.
 */
export type Task = 'causal' | 'masked' | 'token' | 'sequence' | 'image'

/** Whether there is one label for each row, and not one for each token. */
export const labelsRows = (task: Task): boolean => task === 'sequence' || task === 'image'
