import {
  agentNameSchema,
  createToken,
  type Identity,
  joinLink,
  limits,
  parseDuration,
  pinOf,
  readMessage,
  tokenSecretSha256,
} from '@lorica/protocol'
import { z } from 'zod'
import type { Invitation } from '../fleet/tokens.js'
import type { Ledger } from '../ledger.js'
import type { Random } from '../random.js'
import type { FleetTrust } from '../releases/trust.js'
import type { RequestMark } from '../request-mark.js'

export const inviteSchema = z.strictObject({
  name: agentNameSchema.optional(), // the only name that may join with it
  prefix: agentNameSchema.max(56).optional(), // of the names of a batch: prefix-1, prefix-2, …
  count: z.int().min(1).max(1000).default(1), // links
  uses: z.int().min(1).max(100_000).default(1), // of each link
  expires: z.string().default('7d'),
  needsApproval: z.boolean().default(false),
})

/** A link that was made for agents. */
export interface Issued {
  readonly name: string | null
  readonly join: string
}

/** Reads what an operator asks for. Throws LoricaError LRC-1007. */
export function parseInvite(raw: unknown, nowMs: number): readonly Invitation[] {
  const schema = inviteSchema.transform(({ expires, ...rest }, context) => {
    try {
      return { ...rest, expiresAtMs: nowMs + parseDuration(expires) }
    } catch (error) {
      context.addIssue({ code: 'custom', path: ['expires'], message: (error as Error).message })
      return z.NEVER
    }
  })
  const { name, prefix, count, ...invitation } = readMessage(schema, 'invite', raw)
  return Array.from({ length: count }, (_, index) => ({
    ...invitation,
    name: prefix === undefined ? (name ?? null) : `${prefix}-${index + 1}`,
  }))
}

/** The link that a coordinator prints when it starts: for any number of agents, for a week. */
export const openInvitation = (nowMs: number): Invitation => ({
  ...{ expiresAtMs: nowMs + limits.tokenMs, uses: null, name: null, needsApproval: false },
})

/**
 * Makes a link for each invitation, which names the root in force; only hashes of their secrets are kept. A token that is known was made before, when the same
 * request came: its link is given once more.
 */
export async function issueLinks(
  invitations: readonly Invitation[],
  {
    ledger,
    identity,
    random,
    trust,
    url,
    mark = {},
  }: {
    readonly ledger: Ledger
    readonly identity: Identity
    readonly trust: Pick<FleetTrust, 'roots'>
    readonly random: Random
    readonly url: string
    readonly mark?: { readonly request?: RequestMark }
  },
): Promise<readonly Issued[]> {
  const newest = trust.roots().at(-1)
  const root = newest === undefined ? undefined : pinOf(newest)
  const issued = invitations.map((invitation) => {
    const token = createToken(identity.publicKey, random.bytes(24))
    const secretSha256 = tokenSecretSha256(token)
    if (secretSha256 === undefined)
      throw new RangeError('createToken expected to give a token that can be read back')
    if (!ledger.tokens().some((known) => known.secretSha256 === secretSha256))
      ledger.record({ type: 'token-issued', secretSha256, ...invitation, ...mark })
    return { name: invitation.name, join: joinLink(url, token, root) }
  })
  await ledger.flush()
  return issued
}
