import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bindingText, createIdentity, verifyText } from '@lorica/protocol'
import { expect, test } from 'vitest'
import { systemHost } from '../host.js'
import { certificateSha256, isGood, makeCertificate } from './certificate.js'
import { bind, openCertificate } from './tls.js'

const nowMs = Date.parse('2026-03-04T05:06:07Z')
const serial = Uint8Array.from({ length: 16 }, (_, index) => 200 + index)

test('a certificate names its hosts, is for servers only, and is valid for ten years', () => {
  const made = makeCertificate(['fleet.example', '192.0.2.7', '2001:db8::a:7'], nowMs, serial)
  const read = new X509Certificate(made.cert)
  expect(read.subjectAltName).toBe('DNS:fleet.example, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:A:7')
  expect([read.subject, read.ca, read.serialNumber]).toEqual([
    'CN=Lorica coordinator',
    false,
    Buffer.from(serial).toString('hex').toUpperCase(),
  ])
  expect([read.validFrom, read.validTo]).toEqual(['Mar  3 05:06:07 2026 GMT', 'Mar  1 05:06:07 2036 GMT'])
  expect(read.verify(read.publicKey)).toBe(true)
  expect(isGood(made.cert, ['192.0.2.7', 'fleet.example'], nowMs)).toBe(true)
  expect(isGood(made.cert, ['192.0.2.8'], nowMs)).toBe(false)
  expect(isGood(made.cert, [], Date.parse('2036-02-15T00:00:00Z'))).toBe(false)
})

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'])
    return true
  } catch {
    return false
  }
})()

test.skipIf(!hasOpenssl)('OpenSSL reads and verifies it, and gives the same fingerprint', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-cert-'))
  const path = join(folder, 'cert.pem')
  const { cert } = makeCertificate(['localhost', '127.0.0.1'], Date.now(), serial)
  await writeFile(path, cert)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8' })
  expect(
    openssl('verify', '-x509_strict', '-check_ss_sig', '-CAfile', path, '-verify_ip', '127.0.0.1', path),
  ).toContain(': OK')
  const fingerprint = openssl('x509', '-in', path, '-noout', '-fingerprint', '-sha256')
  expect(fingerprint.trim().split('=')[1]?.replaceAll(':', '').toLowerCase()).toBe(certificateSha256(cert))
  await rm(folder, { recursive: true })
})

test('a folder keeps its certificate, with a key that only its owner can read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lorica-cert-'))
  const self = { host: '127.0.0.1', tls: 'self', isInsecure: false } as const
  const made = await openCertificate(self, folder, systemHost())
  expect(await openCertificate(self, folder, systemHost())).toEqual(made)
  expect(await readFile(join(folder, 'tls-cert.pem'), 'utf8')).toBe(made?.cert)
  expect((await stat(join(folder, 'tls-key.pem'))).mode & 0o777).toBe(0o600)
  const paths = { certPath: join(folder, 'tls-cert.pem'), keyPath: join(folder, 'tls-key.pem') }
  expect(await openCertificate({ ...self, tls: paths }, folder, systemHost())).toEqual(made)
  const other = makeCertificate(['localhost'], Date.now(), serial)
  await writeFile(paths.keyPath, other.key)
  await expect(openCertificate({ ...self, tls: paths }, folder, systemHost())).rejects.toMatchObject({
    code: 'LRC-2018',
  })
  await rm(folder, { recursive: true })
})

test('plain HTTP leaves this machine only when somebody said so', async () => {
  const reach = { host: '0.0.0.0', tls: 'off', isInsecure: false } as const
  await expect(openCertificate(reach, '/nowhere', systemHost())).rejects.toMatchObject({ code: 'LRC-2019' })
  expect(await openCertificate({ ...reach, isInsecure: true }, '/nowhere', systemHost())).toBeUndefined()
  expect(await openCertificate({ ...reach, host: '127.0.0.7' }, '/nowhere', systemHost())).toBeUndefined()
})

test('the coordinator signs for its certificate and for the nonce of whoever asks', () => {
  const identity = createIdentity()
  const made = makeCertificate(['localhost'], nowMs, serial)
  const { certificateSha256: sha256, signature } = bind(identity, made, 'a'.repeat(20))
  expect(sha256).toBe(certificateSha256(made.cert))
  expect(verifyText(identity.publicKey, bindingText(identity.id, 'a'.repeat(20), sha256), signature)).toBe(
    true,
  )
  expect(verifyText(identity.publicKey, bindingText(identity.id, 'b'.repeat(20), sha256), signature)).toBe(
    false,
  )
  expect(verifyText(identity.publicKey, bindingText(identity.id, 'a'.repeat(20), null), signature)).toBe(
    false,
  )
})
