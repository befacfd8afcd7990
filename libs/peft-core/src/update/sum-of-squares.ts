/** The squares of 32-bit floats that come in pieces of any length. */
export interface SumOfSquares {
  /** Takes the next bytes: little-endian floats, which may begin and end within one. */
  take(bytes: Uint8Array): void
  /** The sum so far. Where the floats are cut into pieces does not change a bit of it. */
  sum(): number
}

const LANES = 4 // sums that do not wait for each other

/** Nothing was taken yet. */
export function createSumOfSquares(): SumOfSquares {
  const sums = new Float64Array(LANES) // float number i goes to sum i mod LANES
  const cut = new Uint8Array(4 * LANES)
  let cutBytes = 0 // of the group of floats that the last piece ended in

  function takeGroups(view: DataView, groups: number): void {
    let a = sums[0]!
    let b = sums[1]!
    let c = sums[2]!
    let d = sums[3]!
    for (let group = 0, at = 0; group < groups; group++, at += 16) {
      const w = view.getFloat32(at, true)
      const x = view.getFloat32(at + 4, true)
      const y = view.getFloat32(at + 8, true)
      const z = view.getFloat32(at + 12, true)
      a += w * w
      b += x * x
      c += y * y
      d += z * z
    }
    sums.set([a, b, c, d])
  }

  return {
    take(bytes) {
      const lead = cutBytes === 0 ? 0 : Math.min(cut.byteLength - cutBytes, bytes.byteLength)
      cut.set(bytes.subarray(0, lead), cutBytes)
      cutBytes += lead
      if (cutBytes === cut.byteLength) {
        takeGroups(new DataView(cut.buffer), 1)
        cutBytes = 0
      }
      const groups = Math.floor((bytes.byteLength - lead) / cut.byteLength)
      takeGroups(new DataView(bytes.buffer, bytes.byteOffset + lead, groups * cut.byteLength), groups)
      const rest = bytes.subarray(lead + groups * cut.byteLength)
      if (rest.byteLength === 0) return
      cut.set(rest)
      cutBytes = rest.byteLength
    },
    sum() {
      const view = new DataView(cut.buffer)
      let sum = 0
      for (const part of sums) sum += part
      for (let at = 0; at + 4 <= cutBytes; at += 4) sum += view.getFloat32(at, true) ** 2
      return sum
    },
  }
}
