import { fileURLToPath } from 'node:url'
import { boundaryProblems } from '@lorica/tools/boundaries'
import { readWorkspace, type Workspace } from '@lorica/tools/workspace'

/** This repository. */
export const real = readWorkspace(fileURLToPath(new URL('../..', import.meta.url)))

/** What the boundaries check reports for a workspace, or when these are the only files of this repository's projects. */
export function problemsOf(
  subject: Workspace | readonly (readonly [path: string, text: string])[],
): readonly string[] {
  const workspace = isWorkspace(subject)
    ? subject
    : { ...real, files: subject.map(([path, text]) => ({ path, text })) }
  return boundaryProblems(workspace).map(({ file, message }) => `${file}: ${message}`)
}

function isWorkspace(subject: object): subject is Workspace {
  return 'projects' in subject
}
