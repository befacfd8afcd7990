import { readFileSync } from 'node:fs'

/** A message as every implementation writes it. */
export interface Vector {
  readonly id: number // of its packet
  readonly message: Readonly<Record<string, unknown>>
  readonly bytes: Uint8Array // of its packet
}

const names = { 1: 'packets.json', 2: 'packets-2.json' } as const

/** The golden packet of a message in a version of the protocol, from `libs/protocol/vectors`. Throws RangeError when there is none. */
export function vectorOf(version: keyof typeof names, event: string): Vector {
  const file = new URL(`../../../libs/protocol/vectors/${names[version]}`, import.meta.url)
  const all = JSON.parse(readFileSync(file, 'utf8')) as readonly {
    readonly event: string
    readonly hex: string
    readonly packet: { readonly id: number; readonly data: readonly unknown[] }
  }[]
  const found = all.find((vector) => vector.event === event)
  if (found === undefined) throw new RangeError(`vectors expected ${event} in ${file.pathname}`)
  const { hex, packet } = found
  const message = packet.data.at(-1) as Vector['message']
  return { id: packet.id, message, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) }
}
