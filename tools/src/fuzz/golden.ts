import { readFileSync } from 'node:fs'

/** The packets of every vector of the protocol, to be mutated. */
export function goldenPackets(): readonly Uint8Array[] {
  return ['packets.json', 'packets-2.json'].flatMap((name) => {
    const file = new URL(`../../../libs/protocol/vectors/${name}`, import.meta.url)
    const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly { readonly hex: string }[]
    return vectors.map(({ hex }) => Buffer.from(hex, 'hex'))
  })
}
