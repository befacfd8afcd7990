import { createHash } from 'node:crypto'
import { LoricaError, readMessage } from '@lorica/protocol'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { roles } from '../fleet/operators.js'
import type { Ledger } from '../ledger.js'
import type { Random } from '../random.js'

const newOperatorSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, dots and dashes'),
  role: z.enum(roles),
})

/** The hexadecimal SHA-256 of a token, which is all that is kept of it. */
export function sha256Of(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** Operators beside the owner of the coordinator's folder: each has a token of its own, shown once, and a role. */
export function operatorsApi(
  api: FastifyInstance,
  { ledger, random }: { readonly ledger: Ledger; readonly random: Random },
): void {
  api.get('/api/v1/operators', async () => ({
    operators: ledger.operators().map(({ name, role }) => ({ name, role })),
  }))
  api.post('/api/v1/operators', async ({ body }, reply) => {
    const { name, role } = readMessage(newOperatorSchema, 'operator', body)
    if (name === 'admin' || ledger.operators().some((one) => one.name === name))
      throw wrongName(name, 'is taken')
    const token = Buffer.from(random.bytes(32)).toString('base64url')
    ledger.record({ type: 'operator-added', name, role, tokenSha256: sha256Of(token) })
    await ledger.flush()
    return reply.status(201).send({ name, role, token })
  })
  api.post<{ Params: { name: string } }>('/api/v1/operators/:name/remove', async ({ params: { name } }) => {
    if (!ledger.operators().some((one) => one.name === name)) throw wrongName(name, 'is not known')
    ledger.record({ type: 'operator-removed', name })
    await ledger.flush()
    return { name }
  })
}

function wrongName(name: string, what: string): LoricaError {
  return new LoricaError('LRC-2016', `the operator name ${name.slice(0, 64)} ${what}`, {
    received: name.slice(0, 64),
  })
}
