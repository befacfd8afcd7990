import type { TrustView } from '@lorica/protocol'
import type { Tone } from './tone.js'

/** A key of the root in force, and what it is good for. */
export interface KeyRow {
  readonly key: string
  readonly role: 'root' | 'release' | 'revoked'
  readonly what: string
}

/** The keys that the root in force names: those that sign roots, those that sign releases, and those that are worth nothing any more. */
export function keyRows({ root, roots, rootKeysHere }: TrustView): readonly KeyRow[] {
  const signed = new Set(roots.at(-1)?.signatures.map(({ key }) => key))
  return [
    ...root.rootKeys.map((key) => ({
      ...{ key, role: 'root' as const },
      what: `${signed.has(key) ? 'signed this root' : 'did not sign this root'}; ${
        rootKeysHere.includes(key) ? 'lies beside the coordinator' : 'is kept elsewhere'
      }`,
    })),
    ...root.releaseKeys.map((key) => ({
      ...{ key, role: 'release' as const },
      what: 'signs releases and what agents are to have; the coordinator has it at hand',
    })),
    ...root.revokedKeys.map((key) => ({
      ...{ key, role: 'revoked' as const },
      what: 'nothing that it signed is trusted',
    })),
  ]
}

const DAY_MS = 24 * 3600 * 1000
const SOON_DAYS = 45

/** How long the root in force is good for: a word, and how it is coloured. */
export function validity(expiresAt: string, nowMs: number): { readonly text: string; readonly tone: Tone } {
  const days = Math.floor((Date.parse(expiresAt) - nowMs) / DAY_MS)
  if (days < 0) return { text: 'expired', tone: 'bad' }
  const text = `good for ${days} ${days === 1 ? 'day' : 'days'}`
  return { text, tone: days < SOON_DAYS ? 'warn' : 'good' }
}

/** Something to do in a terminal, and the lines that do it. */
export interface TrustStep {
  readonly why: string
  readonly commands: readonly string[]
}

/** What is to be done about the root, and cannot be done here. The first one is what matters most now. */
export function trustSteps(view: TrustView, nowMs: number): readonly TrustStep[] {
  const { root, rootKeysHere } = view
  const isHere = rootKeysHere.length >= root.threshold
  const isSoon = validity(root.expiresAt, nowMs).tone !== 'good'
  const renew: TrustStep = {
    why: `${isSoon ? 'Renew the root' : 'Change who may sign, or how long the root is good for'}: draft the next one, have ${signers(root.threshold)} sign it where ${root.threshold === 1 ? 'it is' : 'they are'} kept, and put it in force.`,
    commands: [
      'lorica trust show --out root.json',
      'lorica trust draft root.json --out next.json',
      'lorica trust sign next.json --key ROOT_KEY_FILE',
      'lorica trust publish next.json',
    ],
  }
  const away: TrustStep = {
    why: 'The root keys lie beside the coordinator: whoever takes over its machine decides who may sign. Take them away, onto a medium that you keep elsewhere; then the root is renewed by hand.',
    commands: ['lorica trust offline --dir COORDINATOR_FOLDER --out MEDIUM'],
  }
  const rotate: TrustStep = {
    why: `Somebody else may have the release key: have the coordinator make another one.${isHere ? '' : ' The root that names it is written to a file, for the root keys to sign.'}`,
    commands: [`lorica trust rotate${isHere ? '' : ' --out next.json'}`],
  }
  return isHere ? [away, rotate] : [renew, rotate]
}

const signers = (threshold: number): string =>
  threshold === 1 ? 'a root key' : `${threshold} root keys, one after the other,`
