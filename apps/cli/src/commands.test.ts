import { expect, test } from 'vitest'
import { commandGroups, groupsFor } from './commands.js'

const namesOf = (groups: typeof commandGroups) => groups.flatMap(({ commands }) => Object.keys(commands))

test('every command is listed by its own name', async () => {
  const listed = commandGroups.flatMap(({ commands }) => Object.entries(commands))
  expect(listed.length).toBeGreaterThan(20)
  for (const [name, load] of listed) expect((await load()).name()).toBe(name)
})

test.each([
  [['rounds', 'show', 'store'], ['rounds']],
  [['--help', 'train'], ['train']],
  [['store'], ['store']],
])('of %j only %j is loaded', (args, names) => {
  expect(namesOf(groupsFor(args))).toEqual(names)
})

test.each([[[]], [['--help']], [['help', 'train']], [['trian']], [['constructor']]])(
  'all commands are loaded for %j',
  (args) => {
    expect(groupsFor(args)).toBe(commandGroups)
  },
)
