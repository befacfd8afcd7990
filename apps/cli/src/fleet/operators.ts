import { Command, Option } from 'commander'
import { needed } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import { agrees } from '../screen/consent.js'
import { table } from '../screen/format.js'
import { type ApiOptions, type CreateOptions, createApi } from './api.js'
import { withApi, withKey } from './run.js'

interface Operator {
  readonly name: string
  readonly role: string
}

/** `lorica operators`: who may operate the fleet, and how far. */
export function operatorsCommand(): Command {
  const operators = new Command('operators').description(
    'who may operate the fleet, beside the owner of the coordinator',
  )
  runs(
    withApi(operators.command('list').description('names and roles')),
    async (options: ApiOptions, output) => {
      const found = await createApi(options).get<{ readonly operators: readonly Operator[] }>(
        '/api/v1/operators',
      )
      const rows = found.operators.map(({ name, role }) => [name, role])
      output.result(
        found,
        rows.length === 0
          ? ['none: lorica operators add NAME --role viewer']
          : table([['name', 'role'], ...rows]),
      )
    },
  )
  const add = withKey(withApi(operators.command('add <name>'))).description(
    'a token for somebody; it is shown once',
  )
  add.addOption(
    new Option(
      '--role <role>',
      'viewer: reads; operator: also conducts runs and cordons agents; admin: also decides who is in the fleet',
    )
      .choices(['viewer', 'operator', 'admin'])
      .default('viewer'),
  )
  runs(add, async ({ role, ...options }: CreateOptions & { readonly role: string }, output, [name]) => {
    const made = await createApi(options).create<Operator & { readonly token: string }>(
      '/api/v1/operators',
      { name: needed(name, '<name>'), role },
      options.key,
    )
    output.result(made, [
      `${made.name} is ${made.role === 'viewer' ? 'a' : 'an'} ${made.role}; LORICA_TOKEN=${made.token}`,
    ])
  })
  const remove = withApi(operators.command('remove <name>')).description(
    'the token of somebody is no longer good',
  )
  remove.option('--yes', 'do not ask')
  runs(remove, async ({ yes, ...options }: ApiOptions & { readonly yes?: boolean }, output, [name]) => {
    const who = needed(name, '<name>')
    if (!(await agrees(`remove the operator ${who}`, yes)))
      return output.result({ name: null }, ['nothing was done'])
    const removed = await createApi(options).post(`/api/v1/operators/${encodeURIComponent(who)}/remove`, {})
    output.result(removed, [`${who} is no longer an operator`])
  })
  return operators
}
