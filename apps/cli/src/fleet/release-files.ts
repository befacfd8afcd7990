import { createHash } from 'node:crypto'
import { type Adapter, parseAdapter } from '@lorica/peft-core'
import {
  LoricaError,
  type ReleaseManifest,
  type ReleaseView,
  type Trust,
  verifyRelease,
} from '@lorica/protocol'
import type { Api } from './api.js'

/** The release that a name or an alias means. */
export function releaseOf(api: Api, name: string): Promise<ReleaseView> {
  return api.get<ReleaseView>(`/api/v1/releases/${encodeURIComponent(name)}`)
}

/** The manifest of a release that is signed by who may sign for the fleet. Throws what verifyRelease throws. */
export function verified({ signed }: ReleaseView, trust: Trust): ReleaseManifest {
  return verifyRelease(signed, trust)
}

/** The files of a verified release, one after the other, each with the hash that its manifest says. Throws LoricaError LRC-6007. */
export async function* releaseFiles(
  api: Api,
  { name, files }: ReleaseManifest,
): AsyncGenerator<{ readonly path: string; readonly content: Uint8Array }> {
  for (const file of files) {
    const content = await api.bytes(`/api/v1/blobs/${file.sha256}`)
    const sha256 = createHash('sha256').update(content).digest('hex')
    if (sha256 !== file.sha256)
      throw new LoricaError('LRC-6007', `file "${file.path}" of ${name} is not what its manifest says`, {
        expected: file.sha256,
        received: sha256,
      })
    yield { path: file.path, content }
  }
}

/** The adapter of a verified release. */
export async function releaseAdapter(api: Api, manifest: ReleaseManifest): Promise<Adapter> {
  const files = new Map<string, Uint8Array>()
  for await (const { path, content } of releaseFiles(api, manifest)) files.set(path, content)
  const [config, weights] = ['adapter_config.json', 'adapter_model.safetensors'].map((path) =>
    files.get(path),
  )
  if (config === undefined || weights === undefined)
    throw new LoricaError('LRC-6007', `release ${manifest.name} has no adapter`, {
      expected: 'adapter_config.json and adapter_model.safetensors',
      received: [...files.keys()].join(', '),
    })
  return parseAdapter({ 'adapter_config.json': config, 'adapter_model.safetensors': weights })
}
