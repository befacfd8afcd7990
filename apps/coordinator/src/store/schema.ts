import { LoricaError } from '@lorica/protocol'

/** The statements that bring a store from one version of its schema to the next; the first make it. */
export type Migrations = readonly (readonly string[])[]

/** SQLite. Ids are text: this driver rounds integers above 2^53. */
export const sqliteMigrations: Migrations = [
  [
    'CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT',
    'CREATE TABLE leader (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL, claim TEXT, expires_at_ms INTEGER NOT NULL) STRICT',
    'CREATE TABLE journal (seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, line TEXT NOT NULL) STRICT',
  ],
]

/** PostgreSQL, in the first schema of the search path. */
export const postgresMigrations: Migrations = [
  [
    'CREATE TABLE lorica_meta (name text PRIMARY KEY, value text NOT NULL)',
    'CREATE TABLE lorica_leader (one integer PRIMARY KEY CHECK (one = 1), epoch bigint NOT NULL, claim text, expires_at_ms bigint NOT NULL)',
    'CREATE TABLE lorica_journal (seq bigint PRIMARY KEY, epoch bigint NOT NULL, line text NOT NULL)',
  ],
]

/** The statements that a store of `version` lacks. Throws LoricaError LRC-5007 when it is newer than `migrations`. */
export function missing(name: string, version: number, migrations: Migrations): readonly string[] {
  if (version <= migrations.length) return migrations.slice(version).flat()
  throw new LoricaError(
    'LRC-5007',
    `${name}: its schema is version ${version}, this program knows ${migrations.length}`,
    {
      expected: `at most version ${migrations.length}`,
      received: `version ${version}`,
    },
  )
}
