import type { Command, Option } from 'commander'

/** An option as shells complete it. */
export interface OptionName {
  readonly names: readonly string[] // such as --out and -o
  readonly takesValue: boolean
  readonly choices: readonly string[] // of its value; none: anything
  readonly description: string
}

/** A command with everything below it. */
export interface CommandTree {
  readonly path: string // from the program on, such as "lorica run start"
  readonly name: string
  readonly description: string
  readonly options: readonly OptionName[]
  readonly commands: readonly CommandTree[]
}

/** What a program understands, as commander has it. */
export function commandTree(command: Command, before = ''): CommandTree {
  const path = `${before} ${command.name()}`.trim()
  const help = { names: ['--help', '-h'], takesValue: false, choices: [], description: 'show what it takes' }
  return {
    ...{ path, name: command.name(), description: command.description() },
    options: [...command.options.filter(({ hidden }) => !hidden).map(optionName), help],
    commands: command.commands.map((child) => commandTree(child, path)),
  }
}

/** A tree and every command below it, in order. */
export function withAll(tree: CommandTree): readonly CommandTree[] {
  return [tree, ...tree.commands.flatMap(withAll)]
}

function optionName({ long, short, argChoices, description, required, optional }: Option): OptionName {
  return {
    names: [long, short].filter((name): name is string => typeof name === 'string'),
    takesValue: required || optional,
    choices: argChoices ?? [],
    description,
  }
}
