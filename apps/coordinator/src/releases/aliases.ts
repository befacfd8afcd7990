import { LoricaError } from '@lorica/protocol'
import type { JournalEvent } from '../journal/event.js'

/** Which release each alias names. */
export type Aliases = ReadonlyMap<string, string>

const RELEASE = /^v[1-9]\d*$/

/** The aliases after an event. */
export function aliasesAfter(aliases: Aliases, event: JournalEvent): Aliases {
  // A rollout that ends moves the champion with the same line of the journal: there is no moment in between.
  if (event.type === 'rollout-done' || event.type === 'rollout-undone')
    return moved(aliases, 'champion', event.target.release)
  return event.type === 'alias-moved' ? moved(aliases, event.alias, event.release) : aliases
}

function moved(aliases: Aliases, alias: string, release: string | null): Aliases {
  const rest = [...aliases].filter(([name]) => name !== alias)
  return new Map(release === null ? rest : [...rest, [alias, release]])
}

/** The name of the release that is meant: an alias stands for the one it names now. */
export function releaseNamed(aliases: Aliases, name: string): string {
  return aliases.get(name) ?? name
}

/** Throws LoricaError LRC-3018 unless an alias can be told from the number of a release, a hash, and an option. */
export function expectAlias(alias: string): void {
  if (/^[a-z][a-z0-9._-]{0,63}$/.test(alias) && !RELEASE.test(alias)) return
  throw new LoricaError('LRC-3018', `"${alias.slice(0, 64)}" cannot be an alias`, {
    expected:
      'a small letter, then small letters, digits, dots and dashes; not v and a number, which are releases',
    received: alias.slice(0, 64),
  })
}
