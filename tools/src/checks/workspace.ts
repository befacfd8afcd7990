/**
 * The projects of this repository and their source files, as the checks see them.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

export interface SourceFile {
  readonly path: string // relative to the root, with forward slashes
  readonly text: string
}

export interface Project {
  readonly folder: string // relative to the root, with forward slashes
  readonly name: string // as other projects import it
  readonly tags: readonly string[]
  readonly dependencies: readonly string[] // of every kind
  readonly entries: readonly string[] // keys of "exports"
}

export interface Workspace {
  readonly projects: readonly Project[]
  readonly files: readonly SourceFile[]
  readonly rootDependencies: readonly string[] // tools that every project's tests may use
}

interface Manifest {
  readonly name: string
  readonly workspaces?: readonly string[]
  readonly nx?: { readonly tags?: readonly string[] }
  readonly exports?: Readonly<Record<string, unknown>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const SOURCE = /\.(?:ts|tsx|mts|js|mjs)$/
const LEFT_OUT = new Set(['node_modules', 'dist', 'joined', '.nx', '.git'])

/** Reads the projects that package.json lists as workspaces, with every source file in them. */
export function readWorkspace(root: string): Workspace {
  const manifest = readManifest(root)
  const folders = (manifest.workspaces ?? []).flatMap((pattern) => foldersOf(root, pattern))
  return {
    projects: folders.map((folder) => projectOf(folder, readManifest(join(root, folder)))),
    files: folders.flatMap((folder) => sourceFiles(root, folder)),
    rootDependencies: dependenciesOf(manifest),
  }
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

function foldersOf(root: string, pattern: string): readonly string[] {
  const group = pattern.endsWith('/*') ? pattern.slice(0, -2) : undefined
  const folders = group === undefined ? [pattern] : listed(root, group).map((name) => posix.join(group, name))
  return folders.filter((folder) => existsSync(join(root, folder, 'package.json')))
}

function listed(root: string, folder: string): readonly string[] {
  return existsSync(join(root, folder)) ? readdirSync(join(root, folder)).sort() : []
}

function projectOf(folder: string, manifest: Manifest): Project {
  return {
    folder,
    name: manifest.name,
    tags: manifest.nx?.tags ?? [],
    dependencies: dependenciesOf(manifest),
    entries: Object.keys(manifest.exports ?? {}),
  }
}

function dependenciesOf(manifest: Manifest): readonly string[] {
  const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifest
  return [dependencies, devDependencies, peerDependencies, optionalDependencies].flatMap((group) =>
    Object.keys(group ?? {}),
  )
}

function sourceFiles(root: string, folder: string): readonly SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .filter(({ name }) => !LEFT_OUT.has(name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name)
      if (entry.isDirectory()) return sourceFiles(root, path)
      return SOURCE.test(entry.name) ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : []
    })
}
