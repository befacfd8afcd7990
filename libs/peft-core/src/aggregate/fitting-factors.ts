import { loraConfigOf, type Member } from './cohort.js'

/** RangeError unless a member is LoRA whose change is its factors' product and can be split anew. */
export function expectPlainLora(member: Member, strategy: string): void {
  const { dora, start } = loraConfigOf(member, strategy)
  if (dora) {
    throw new RangeError(
      `${member.id}: ${strategy} expected plain LoRA, got DoRA, whose change is no product of its factors; fedavg takes it`,
    )
  }
  if (start !== null) {
    throw new RangeError(
      `${member.id}: ${strategy} expected factors beside the base's own weights, got the start "${start}"; convert the adapter to plain LoRA`,
    )
  }
}

/** RangeError unless both have factors of the same ranks and scalings in all modules. */
export function expectSameRanks(member: Member, first: Member, strategy: string): void {
  for (const [path, pair] of first.pairs) {
    const own = member.pairs.get(path)
    if (own?.rank !== pair.rank) {
      throw new RangeError(
        `${member.id}: "${path}" expected rank ${pair.rank} as ${first.id}, got ${own?.rank}; ${strategy} takes one rank, svd, flora and hetlora mixed ones`,
      )
    }
    if (own.scaling !== pair.scaling) {
      throw new RangeError(
        `${member.id}: "${path}" expected the scaling ${pair.scaling} of ${first.id}, got ${own.scaling}; ${strategy} takes one scaling, svd and flora mixed ones`,
      )
    }
  }
}
