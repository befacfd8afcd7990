import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { LoricaError, parseRunSpec } from '@lorica/protocol'
import { parse } from 'yaml'

/** What a run file that was checked has, before defaults are filled in. */
export interface RunDocument {
  readonly name: string
  readonly base: { readonly model: string }
  readonly rounds: { readonly count: number }
  readonly local: { readonly steps: number }
}

/** A run file as the coordinator takes it: checked here first, with the base's path made absolute from the file's folder. */
export async function readRunFile(path: string): Promise<RunDocument> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LoricaError('LRC-8003', `run file "${path}" cannot be read`, {
      received: whyUnread(cause),
      cause,
    })
  })
  const raw = parseYaml(path, text)
  parseRunSpec(raw)
  const document = raw as RunDocument
  const local = resolve(dirname(path), document.base.model)
  const model = !isAbsolute(document.base.model) && existsSync(local) ? local : document.base.model
  return { ...document, base: { ...document.base, model } }
}

/** Why a file could not be read, in words where it is simply not there. */
export function whyUnread(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'there is no such file' : message
}

function parseYaml(path: string, text: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    throw new LoricaError('LRC-3001', `run file "${path}" is not YAML`, {
      received: (cause as Error).message.split('\n')[0],
      cause,
    })
  }
}
