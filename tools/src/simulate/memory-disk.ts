import { dirname } from 'node:path/posix'
import type { Disk, GrowingFile, ReadableFile } from '@lorica/coordinator/embed'
import type { Dice } from './dice.js'
import type { Incarnation } from './incarnation.js'

/** What a file holds, and how much of it would survive a loss of power. */
interface Content {
  bytes: Buffer
  flushed: Buffer | undefined // undefined: nothing, not even its size
}

/** A disk of one machine: it keeps names and bytes apart from what of them was flushed. */
export interface MemoryDisk {
  /** The disk as a process sees it. Each operation takes time, and fails when the process ends first: done, half done or not at all. */
  mount(process: Incarnation): Disk
  /** While it is full nothing can be written. */
  setFull(isFull: boolean): void
  /** Takes away what was not flushed: of a name or of bytes, the dice decide how much was written anyway. */
  losePower(): void
  /** Flips one bit of a file that is wanted; says which file, and what it held. */
  flipBit(
    isWanted: (path: string) => boolean,
  ): { readonly path: string; readonly held: Uint8Array } | undefined
  /** Whether a file would survive a loss of power as it is. */
  isSafe(path: string): boolean
  /** The bytes of a file now. */
  peek(path: string): Uint8Array | undefined
  /** Puts a file there, flushed. */
  put(path: string, bytes: Uint8Array): void
  paths(): readonly string[]
}

const SLOWEST_MS = 3 // of one operation

/** An empty disk. One that does not flush says that it did: what relies on it is then found out. */
export function createMemoryDisk(dice: Dice, flushes = true): MemoryDisk {
  const names = new Map<string, Content>()
  const safeNames = new Map<string, Content>()
  let moves: { readonly from: string; readonly to: string }[] = [] // of folders, that were not flushed
  let isFull = false
  let temporaries = 0

  const contentOf = (path: string): Content => {
    const content = names.get(path)
    if (content === undefined) throw systemError('ENOENT', path)
    return content
  }
  const expectRoom = (path: string): void => {
    if (isFull) throw systemError('ENOSPC', path)
  }
  const below = (folder: string): string[] =>
    [...names.keys()].filter((path) => path.startsWith(`${folder}/`))

  function rename(from: string, to: string): void {
    const content = names.get(from)
    if (content !== undefined) {
      names.delete(from)
      names.set(to, content)
      return
    }
    const inside = below(from)
    if (inside.length === 0) throw systemError('ENOENT', from)
    if (below(to).length > 0) throw systemError('ENOTEMPTY', to)
    move(from, to)
    moves.push({ from, to })
  }

  /** Gives a folder another name: what is in it goes along, flushed or not. */
  function move(from: string, to: string): void {
    for (const map of [names, safeNames]) {
      for (const [path, content] of [...map]) {
        if (!path.startsWith(`${from}/`)) continue
        map.delete(path)
        map.set(to + path.slice(from.length), content)
      }
    }
  }

  function flushFolder(folder: string): void {
    const isHere = (path: string): boolean => dirname(path) === folder
    for (const path of [...safeNames.keys()]) if (isHere(path) && !names.has(path)) safeNames.delete(path)
    for (const [path, content] of names) if (isHere(path)) safeNames.set(path, content)
    moves = moves.filter(({ to }) => !isHere(to))
  }

  function readable(path: string): ReadableFile {
    const { bytes } = contentOf(path)
    return {
      sizeBytes: bytes.byteLength,
      async readInto(into, position) {
        const part = bytes.subarray(position, position + into.byteLength)
        into.set(part)
        return part.byteLength
      },
      close: async () => {},
    }
  }

  return {
    mount(process) {
      const perform = <T>(act: () => T, whenCut?: () => void): Promise<T> =>
        new Promise((resolve, reject) => {
          const forget = process.whenEnded(() => {
            if (whenCut !== undefined && dice.chance(0.5)) attempt(whenCut)
          })
          process.later(dice.between(0, SLOWEST_MS), () => {
            forget()
            try {
              resolve(act())
            } catch (error) {
              reject(error)
            }
          })
        })
      const write = (act: () => void): Promise<void> => perform(act, act)
      const growing = (content: Content, path: string): GrowingFile => ({
        append(bytes) {
          const added = Buffer.from(bytes)
          const grow = (part: Buffer): void => {
            expectRoom(path)
            content.bytes = Buffer.concat([content.bytes, part])
          }
          return perform(
            () => grow(added),
            () => grow(added.subarray(0, dice.whole(added.byteLength + 1))),
          )
        },
        flush: () =>
          write(() => {
            if (flushes) content.flushed = content.bytes
          }),
        close: async () => {},
      })
      return {
        read: (path) => perform(() => Uint8Array.from(contentOf(path).bytes)),
        open: (path) => perform(() => readable(path)),
        async write(path, from) {
          const open = (): Content => {
            const known = names.get(path)
            if (from === 'new' && known !== undefined) throw systemError('EEXIST', path)
            if (known !== undefined && from === 'end') return known
            expectRoom(path)
            const fresh: Content = { bytes: Buffer.alloc(0), flushed: undefined }
            names.set(path, fresh)
            return fresh
          }
          return growing(await perform(open, open), path)
        },
        sizeOf: (path) => perform(() => names.get(path)?.bytes.byteLength),
        list: (folder) => perform(() => childrenOf(folder, names.keys())),
        makeFolder: async () => {},
        rename: (from, to) => write(() => rename(from, to)),
        duplicate: (from, to) => write(() => void names.set(to, contentOf(from))),
        copy: (from, to) =>
          write(() => {
            expectRoom(to)
            names.set(to, { bytes: contentOf(from).bytes, flushed: undefined })
          }),
        remove: (path) =>
          write(() => {
            for (const inside of [path, ...below(path)]) names.delete(inside)
          }),
        flushFolder: (path) => write(() => flushFolder(path)),
        temporaryPath: (path) => `${path}.${++temporaries}.tmp`,
      }
    },
    setFull(full) {
      isFull = full
    },
    losePower() {
      for (const path of new Set([...names.keys(), ...safeNames.keys()])) {
        const kept = dice.chance(0.5) ? names.get(path) : safeNames.get(path)
        if (kept === undefined) names.delete(path)
        else names.set(path, kept)
      }
      for (const { from, to } of moves.toReversed()) if (dice.chance(0.5)) move(to, from)
      moves = []
      safeNames.clear()
      for (const [path, content] of names) {
        const least = content.flushed?.byteLength ?? 0
        const most = content.bytes.byteLength
        content.bytes = content.bytes.subarray(0, least + dice.whole(most - least + 1))
        content.flushed = content.bytes
        safeNames.set(path, content)
      }
    },
    flipBit(isWanted) {
      const wanted = [...names.keys()].filter(
        (path) => isWanted(path) && contentOf(path).bytes.byteLength > 0,
      )
      if (wanted.length === 0) return undefined
      const path = dice.pick(wanted)
      const content = contentOf(path)
      const held = content.bytes
      const bytes = Buffer.from(held)
      const at = dice.whole(bytes.byteLength)
      bytes[at] = bytes[at]! ^ (1 << dice.whole(8))
      content.bytes = bytes
      content.flushed = bytes
      return { path, held }
    },
    isSafe(path) {
      const content = names.get(path)
      return content !== undefined && safeNames.get(path) === content && content.flushed === content.bytes
    },
    peek: (path) => names.get(path)?.bytes,
    put(path, bytes) {
      const content = { bytes: Buffer.from(bytes), flushed: Buffer.from(bytes) }
      names.set(path, content)
      safeNames.set(path, content)
    },
    paths: () => [...names.keys()],
  }
}

function childrenOf(folder: string, paths: Iterable<string>): readonly string[] {
  const start = `${folder}/`
  const found = new Set<string>()
  for (const path of paths) {
    if (path.startsWith(start)) found.add(path.slice(start.length).split('/', 1)[0] as string)
  }
  return [...found].sort()
}

function attempt(act: () => void): void {
  try {
    act()
  } catch {
    // what could not be done half is not done
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'simulated' })
}
