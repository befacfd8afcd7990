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
