import type { WhoamiView } from '@lorica/protocol'

/** What operators do, by the least role that it needs. */
const needs = {
  'start-run': 'operator',
  'conduct-run': 'operator',
  'name-release': 'operator',
  'roll-out': 'operator',
  cordon: 'operator',
  'admit-agent': 'admin',
  'invite-agent': 'admin',
  'label-agent': 'admin',
  'name-operators': 'admin',
} as const satisfies Readonly<Record<string, WhoamiView['role']>>

export type Deed = keyof typeof needs

const order = ['viewer', 'operator', 'admin'] as const

/** Whether the coordinator would let this role do that; what it may not is not offered. */
export function may(role: WhoamiView['role'] | undefined, deed: Deed): boolean {
  return role !== undefined && order.indexOf(role) >= order.indexOf(needs[deed])
}
