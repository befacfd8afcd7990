/**
 * Scales gradients in place so that their global L2 norm is at most `limit`, and returns the norm they had.
 * Equal to torch.nn.utils.clip_grad_norm_: the factor is limit / (norm + 1e-6), when that is below 1.
 */
export function clipGradients(gradients: Iterable<Float32Array>, limit: number): number {
  const arrays = [...gradients]
  let sum = 0
  for (const array of arrays)
    for (let index = 0; index < array.length; index++) sum += (array[index] as number) ** 2
  const norm = Math.sqrt(sum)
  const factor = limit / (norm + 1e-6)
  if (factor < 1) {
    for (const array of arrays)
      for (let index = 0; index < array.length; index++) array[index] = (array[index] as number) * factor
  }
  return norm
}
