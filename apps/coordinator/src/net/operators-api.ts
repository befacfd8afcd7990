import { createHash } from 'node:crypto'
import { LoricaError } from '@lorica/protocol'
import { z } from 'zod'
import { body, type Route, route } from '../api/route.js'
import { roles } from '../fleet/operators.js'
import type { Ledger } from '../ledger.js'

const newOperatorSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, dots and dashes'),
  role: z.enum(roles),
})
const operatorSchema = z.object({ name: z.string(), role: z.enum(roles) })

/** The hexadecimal SHA-256 of a token, which is all that is kept of it. */
export function sha256Of(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** Operators beside the owner of the coordinator's folder: each has a token of its own, shown once, and a role. */
export function operatorsRoutes({ ledger }: { readonly ledger: Ledger }): readonly Route[] {
  return [
    route({
      path: 'GET /api/v1/operators',
      role: 'admin',
      summary: 'The operators, without the owner of the folder',
      answer: z.object({ operators: z.array(operatorSchema) }),
      act: () => ({ operators: ledger.operators().map(({ name, role }) => ({ name, role })) }),
    }),
    route({
      path: 'POST /api/v1/operators',
      role: 'admin',
      summary: 'Adds an operator; the answer is the only place that shows its token',
      body: body('operator', newOperatorSchema),
      status: 201,
      answer: operatorSchema.extend({ token: z.string() }),
      isOnce: true,
      codes: ['LRC-2016'],
      act: async ({ body: { name, role }, once }) => {
        const token = Buffer.from(once.random.bytes(32)).toString('base64url')
        if (once.earlier !== undefined) return { name, role, token }
        if (name === 'admin' || ledger.operators().some((one) => one.name === name))
          throw wrongName(name, 'is taken')
        ledger.record({ type: 'operator-added', name, role, tokenSha256: sha256Of(token), ...once.mark })
        await ledger.flush()
        return { name, role, token }
      },
    }),
    route({
      path: 'POST /api/v1/operators/:name/remove',
      role: 'admin',
      summary: 'Removes an operator, whose token is worth nothing from then on',
      params: z.object({ name: z.string() }),
      answer: z.object({ name: z.string() }),
      codes: ['LRC-2016'],
      act: async ({ params: { name } }) => {
        if (!ledger.operators().some((one) => one.name === name)) throw wrongName(name, 'is not known')
        ledger.record({ type: 'operator-removed', name })
        await ledger.flush()
        return { name }
      },
    }),
  ]
}

function wrongName(name: string, what: string): LoricaError {
  return new LoricaError('LRC-2016', `the operator name ${name.slice(0, 64)} ${what}`, {
    received: name.slice(0, 64),
  })
}
