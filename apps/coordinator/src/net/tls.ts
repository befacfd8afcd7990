import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { type Binding, bindingText, type Identity, LoricaError, signText } from '@lorica/protocol'
import { isLoopback } from '../fleet/address.js'
import type { Host } from '../host.js'
import { writeDurably } from '../store/durable.js'
import { type Certificate, certificateSha256, isGood, makeCertificate } from './certificate.js'

/** How a coordinator is reached: `self` makes a certificate and keeps it; paths name one that was given; off is plain HTTP. */
export type TlsChoice = 'off' | 'self' | { readonly certPath: string; readonly keyPath: string }

/** Where a coordinator is reached, as far as TLS goes. */
export interface Reach {
  readonly host: string
  readonly tls: TlsChoice
  /** Whether plain HTTP may leave this machine. */
  readonly isInsecure: boolean
}

/**
 * The certificate to serve with, or undefined for plain HTTP. Throws LoricaError LRC-2019 when that would leave this machine without
 * somebody having said so, LRC-2018 when the files given are none.
 */
export async function openCertificate(
  { host, tls, isInsecure }: Reach,
  dir: string,
  { disk, clock, random }: Pick<Host, 'disk' | 'clock' | 'random'>,
): Promise<Certificate | undefined> {
  if (tls === 'off') {
    if (isInsecure || isLoopback(host)) return undefined
    throw new LoricaError('LRC-2019', `plain HTTP on ${host} can be read and changed on the way`, {
      expected: '--tls self, --tls-cert with --tls-key, or --insecure',
      received: 'none of them',
    })
  }
  if (tls !== 'self') return given(await textOf(tls.certPath), await textOf(tls.keyPath))
  const [certPath, keyPath] = [join(dir, 'tls-cert.pem'), join(dir, 'tls-key.pem')]
  const names = ownNames(host)
  const known = await kept()
  if (known !== undefined && isGood(known.cert, names, clock.now())) return known
  const made = makeCertificate(names, clock.now(), random.bytes(16))
  await writeDurably(disk, keyPath, made.key)
  await writeDurably(disk, certPath, made.cert)
  return made

  async function kept(): Promise<Certificate | undefined> {
    try {
      return given(await textOf(certPath), await textOf(keyPath))
    } catch {
      return undefined
    }
  }

  async function textOf(path: string): Promise<string> {
    return Buffer.from(await disk.read(path)).toString('utf8')
  }
}

/** Says, with the coordinator's key, which certificate belongs to it. `nonce` is the asker's. */
export function bind(identity: Identity, certificate: Certificate | undefined, nonce: string): Binding {
  const sha256 = certificate === undefined ? null : certificateSha256(certificate.cert)
  return {
    coordinatorId: identity.id,
    coordinatorPublicKey: identity.publicKey,
    certificateSha256: sha256,
    signature: signText(identity, bindingText(identity.id, nonce, sha256)),
  }
}

function given(cert: string, key: string): Certificate {
  try {
    createSecureContext({ cert, key })
    certificateSha256(cert)
  } catch (cause) {
    throw new LoricaError('LRC-2018', `the certificate cannot be used: ${(cause as Error).message}`, {
      expected: 'PEM files of a certificate and of its key',
      cause,
    })
  }
  return { cert, key }
}

/** Every name and address of this machine. */
function ownNames(host: string): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((one) => one ?? [])
  const routable = addresses.map(({ address }) => address).filter((address) => !address.startsWith('fe80'))
  const names = ['localhost', hostname(), '127.0.0.1', '::1', ...routable, host]
  return [...new Set(names)].filter(
    (name) => /^[A-Za-z0-9.:-]+$/.test(name) && !/^(0\.0\.0\.0|::)$/.test(name),
  )
}
