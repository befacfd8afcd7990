import type { ServicePlan } from './service.js'

/** What would be written and run, for a person. */
export function planLines(
  { path, text, notes }: ServicePlan,
  commands: ServicePlan['install'],
): readonly string[] {
  return [
    `# ${path}`,
    ...text.trimEnd().split(/\r?\n/),
    '',
    '# then',
    ...commands.map((command) => command.map(shellWord).join(' ')),
    ...notes.map((note) => `# ${note}`),
  ]
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
