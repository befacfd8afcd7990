import { LoricaError } from '@lorica/protocol'

/** An agent that the machine starts by itself. */
export interface ServiceOptions {
  readonly slug: string // of the name of the agent: lower-case letters, digits and dashes
  readonly scope: 'user' | 'system' // system: from the start of the machine, for whoever `user` is
  readonly user: string
  readonly userId: number
  readonly home: string
  readonly program: readonly string[] // node and the agent's main program
  readonly folder: string // of the agent; all that it may write to
  readonly reads: readonly string[] // its data, and its base when the owner gave one
  readonly usesGpu: boolean
}

/** What has to be done that a machine starts an agent. */
export interface ServicePlan {
  readonly name: string
  readonly path: string
  readonly text: string
  readonly encoding: 'utf8' | 'utf16le'
  readonly install: readonly (readonly string[])[] // commands, after the file was written
  readonly uninstall: readonly (readonly string[])[] // commands, before the file is removed
  readonly notes: readonly string[]
}

/** The name of an agent as a part of file names: letters, digits and dashes. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  return slug === '' ? 'agent' : slug.slice(0, 40)
}

/** The command line of the service, which logs a line of JSON for each event. */
export function commandOf({
  program,
  folder,
}: Pick<ServiceOptions, 'program' | 'folder'>): readonly string[] {
  return [...program, 'start', '--log-format', 'json', '--dir', folder]
}

/** Throws LRC-8001 for a path that no service file can hold: a line would end in it. */
export function expectPlain(paths: readonly string[]): void {
  for (const path of paths) {
    const bad = [...path].find((character) => character < ' ' || character === '\u007f')
    if (bad === undefined) continue
    throw new LoricaError('LRC-8001', `the path ${JSON.stringify(path)} holds a control character`, {
      expected: 'a path of printable characters',
      received: `character ${bad.codePointAt(0)}`,
    })
  }
}

/** Text inside an element of XML. */
export function xml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
}
