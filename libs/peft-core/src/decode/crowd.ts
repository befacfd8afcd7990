/**
 * Texts of many callers that wait or grow, each under an adapter.
 * @module
 */
import type { DecodedText, Growth } from './growth.js'
import type { Texts } from './texts.js'
import { type Move, nextMove } from './turns.js'

/** The texts of one loaded adapter. */
export interface Group {
  /** Differs from that of any other group, also one that was loaded under the same name. */
  readonly id: string
  readonly texts: Texts
}

export interface Crowd {
  /** Waits until there is room, then grows to its end. */
  join(group: Group, growth: Growth): Promise<DecodedText>
  /** Does one thing: takes a text in, or lets those of a group grow by a token. False when there is nothing to do. */
  move(): Promise<boolean>
}

interface Member {
  readonly key: number
  readonly group: Group
  readonly growth: Growth
  readonly resolve: (text: DecodedText) => void
  readonly reject: (error: unknown) => void
  /** The last token that was chosen. */
  token: number
}

/** A crowd of which at most `maxTexts()` grow at once. `move` is not for calls at the same time. */
export function createCrowd(maxTexts: () => number): Crowd {
  const waiting: Member[] = []
  const growing = new Set<Member>()
  let lastKey = 0
  let lastBegun: string | undefined
  let lastStepped: string | undefined
  let justBegan = false

  const leave = (member: Member): void => {
    growing.delete(member)
    member.group.texts.end(member.key)
  }
  const fail = (member: Member, error: unknown): void => {
    leave(member)
    member.reject(error)
  }
  const take = (member: Member, logits: Float32Array): void => {
    try {
      const next = member.growth.take(logits)
      if (typeof next === 'number') member.token = next
      else {
        leave(member)
        member.resolve(next)
      }
    } catch (error) {
      fail(member, error)
    }
  }
  const begin = async (id: string): Promise<void> => {
    const at = waiting.findIndex(({ group }) => group.id === id)
    const [member] = waiting.splice(at, 1) as [Member]
    growing.add(member)
    const { key, group, growth } = member
    try {
      take(member, await group.texts.begin(key, growth.prompt))
    } catch (error) {
      fail(member, error)
    }
  }
  const step = async (id: string): Promise<void> => {
    const members = [...growing].filter(({ group }) => group.id === id)
    const [{ group }] = members as [Member]
    try {
      const logits = await group.texts.extend(new Map(members.map(({ key, token }) => [key, token])))
      for (const member of members) take(member, logits.get(member.key) as Float32Array)
    } catch (error) {
      for (const member of members) fail(member, error)
    }
  }
  const dropCancelled = (): void => {
    for (const member of [...waiting, ...growing]) {
      if (member.growth.goesOn()) continue
      const at = waiting.indexOf(member)
      if (at >= 0) waiting.splice(at, 1)
      else leave(member)
      member.resolve(member.growth.cancelled())
    }
  }
  const nextOne = (): Move =>
    nextMove({
      waiting: waiting.map(({ group }) => group.id),
      running: [...growing].map(({ group }) => group.id),
      hasRoom: growing.size < maxTexts(),
      lastBegun,
      lastStepped,
      justBegan,
    })
  return {
    join: (group, growth) =>
      new Promise((resolve, reject) => {
        waiting.push({ key: ++lastKey, group, growth, resolve, reject, token: 0 })
      }),
    async move() {
      dropCancelled()
      const move = nextOne()
      justBegan = move.kind === 'begin'
      if (move.kind === 'begin') {
        lastBegun = move.adapter
        await begin(move.adapter)
      } else if (move.kind === 'step') {
        lastStepped = move.adapter
        await step(move.adapter)
      }
      return move.kind !== 'rest'
    },
  }
}
