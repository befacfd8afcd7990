import {
  createIdentity,
  manifestId,
  type Release,
  type ReleaseManifest,
  type ReleaseView,
  signManifest,
  verifyRelease,
} from '@lorica/protocol'

export const START_MS = Date.parse('2026-03-01T10:00:00.000Z')
export const identity = createIdentity()
export const base = { sha256: 'ba'.repeat(32), name: 'tiny' }

/** A signed release of the run tone-1. */
export function releaseOf(version: number): ReleaseView {
  const manifest: ReleaseManifest = {
    ...{ schema: 1, version, name: `v${version}`, runId: 'tone-1', runName: 'tone', round: version },
    parent: version === 1 ? null : `v${version - 1}`,
    base,
    files: [
      { path: 'adapter_model.safetensors', sha256: version.toString(16).padStart(64, '0'), sizeBytes: 9 },
    ],
    contributions: [],
    evaluation: { loss: null, tokens: 0, perAgent: [] },
    createdAt: new Date(START_MS).toISOString(),
    software: 'test',
    coordinatorPublicKey: identity.publicKey,
  }
  const signed = signManifest(identity, manifest)
  return { name: manifest.name, id: manifestId(signed), manifest, signed }
}

/** The releases of a coordinator without a disk: those that are given, and those that it makes. */
export function registryOf(given: readonly ReleaseView[]) {
  const releases = [...given]
  const nextVersion = () => releases.length + 1
  return {
    nextVersion,
    withVersion: <T>(act: (version: number) => Promise<T>) => act(nextVersion()),
    prepare: async (manifest: ReleaseManifest) => signManifest(identity, manifest),
    confirm: async (signed: Release) => {
      const manifest = verifyRelease(signed, identity.publicKey)
      releases.push({ name: manifest.name, id: manifestId(signed), manifest, signed })
    },
    all: (): readonly ReleaseView[] => releases,
    find: (name: string) => releases.find((one) => one.name === name),
    prove: () => undefined,
  }
}
