/**
 * A Hugging Face Hub, as far as a release is pushed to it. Protocol: https://huggingface.co/docs/hub/api
 * @module
 */
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LoricaError } from '@lorica/protocol'

const PUBLIC_HUB = 'https://huggingface.co'

/** Where the Hub is, and who asks. */
export interface Hub {
  readonly url: string // without a slash at the end
  readonly token: string
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The Hub that HF_ENDPOINT names, or the public one; with the token of `tokenFile`, of HF_TOKEN, or of the file that `hf auth login` writes.
 * Throws LoricaError LRC-8001 where there is none.
 */
export async function hubOf(environment: Environment, tokenFile?: string): Promise<Hub> {
  const url = (environment.HF_ENDPOINT ?? PUBLIC_HUB).replace(/\/+$/, '')
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new LoricaError('LRC-8001', 'HF_ENDPOINT is not the address of a Hub', {
      expected: 'https://HOST',
      received: url.slice(0, 100),
    })
  const token = await tokenOf(environment, tokenFile)
  if (/^hf_[\x21-\x7e]+$/.test(token)) return { url, token }
  throw new LoricaError('LRC-8001', 'there is no token of the Hub', {
    expected: 'a token that begins with hf_, in HF_TOKEN or in the file of --hub-token-file',
    received: token === '' ? 'none' : 'something else', // never what was received
  })
}

async function tokenOf(environment: Environment, tokenFile: string | undefined): Promise<string> {
  if (tokenFile !== undefined) {
    const text = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
      throw new LoricaError('LRC-8003', `"${tokenFile}" cannot be read`, { cause })
    })
    return text.trim()
  }
  if (environment.HF_TOKEN !== undefined) return environment.HF_TOKEN.trim()
  const home = environment.HF_HOME ?? join(homedir(), '.cache', 'huggingface')
  const path = environment.HF_TOKEN_PATH ?? join(home, 'token')
  return (await readFile(path, 'utf8').catch(() => '')).trim()
}

export interface Push {
  readonly repo: string // owner/name
  readonly isPublic: boolean // of a repository that is made
  readonly branch: string
  readonly folder: string
  readonly files: readonly string[] // of it
  readonly title: string
  readonly description: string
}

export interface Pushed {
  readonly isNew: boolean // the repository was made
  readonly commit: string
  readonly url: string // of the commit
}

/** Makes the repository where there is none, and commits files of a folder to it, all or none. Throws LoricaError LRC-8008. */
export async function pushFolder({ url: hubUrl, token: accessToken }: Hub, push: Push): Promise<Pushed> {
  const { repo, isPublic, branch, folder, files, title, description } = push
  const hub = await import('@huggingface/hub') // large, and only needed here
  const to = { hubUrl, accessToken, repo: { type: 'model', name: repo } } as const
  const told = (error: unknown): LoricaError => hubFault(error, hubUrl, accessToken)
  const isNew = await hub.createRepo({ ...to, visibility: isPublic ? 'public' : 'private' }).then(
    () => true,
    (error: unknown) => {
      if (statusOf(error) === 409) return false // it is there
      throw told(error)
    },
  )
  const operations = files.map((path) => ({
    ...{ operation: 'addOrUpdate' as const, path, content: pathToFileURL(join(folder, path)) },
  }))
  const made = await hub.commit({ ...to, branch, title, description, operations }).catch((error) => {
    throw told(error)
  })
  if (made === undefined) throw new RangeError('expected a commit of a model repository, got none')
  return { isNew, commit: made.commit.oid, url: made.commit.url }
}

function hubFault(error: unknown, url: string, token: string): LoricaError {
  const status = statusOf(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const said = (cause instanceof Error ? cause.message : String(cause)).replaceAll(token, '[secret]')
  const what = status === undefined ? `no Hub answers at ${url}` : `the Hub at ${url} answered ${status}`
  return new LoricaError('LRC-8008', `${what}: ${said.slice(0, 500)}`, {
    received: status === undefined ? 'no answer' : `status ${status}`,
  })
}

function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' ? status : undefined
}
