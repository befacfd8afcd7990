import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { bits, identifier, integer, moment, octets, sequence, setOf, text, tlv, yes } from './der.js'

/** What a TLS server shows and proves, as PEM text. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000
const VALID_DAYS = 3650 // agents pin the coordinator's key, which signs for it; it need not be short-lived
const ECDSA_SHA256 = sequence(identifier('1.2.840.10045.4.3.2'))

/**
 * Makes a certificate for these host names and addresses, signed with its own key (ECDSA on P-256, X.509 version 3, RFC 5280).
 * `serial` is 16 random bytes.
 */
export function makeCertificate(names: readonly string[], nowMs: number, serial: Uint8Array): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(setOf(sequence(identifier('2.5.4.3'), text('Lorica coordinator'))))
  const extension = (id: string, value: Uint8Array, ...critical: readonly Uint8Array[]) =>
    sequence(identifier(id), ...critical, octets(value))
  const isNoAuthority = extension('2.5.29.19', sequence(), yes)
  const alternatives = extension('2.5.29.17', sequence(...names.map(alternative)))
  const serverUse = extension('2.5.29.37', sequence(identifier('1.3.6.1.5.5.7.3.1')))
  const body = sequence(
    tlv(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.from([0x40 | (serial[0] ?? 0), ...serial.subarray(1)])),
    ECDSA_SHA256,
    name,
    sequence(moment(nowMs - DAY_MS), moment(nowMs + VALID_DAYS * DAY_MS)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa3, sequence(isNoAuthority, alternatives, serverUse)),
  )
  const signature = sign('sha256', body, privateKey) // DER, as X.509 has it
  const der = Buffer.from(sequence(body, ECDSA_SHA256, bits(signature)))
  const lines = der.toString('base64').replace(/.{1,64}/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`,
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  }
}

/** The hexadecimal SHA-256 of a certificate. Throws when the text is none. */
export function certificateSha256(cert: string): string {
  return createHash('sha256').update(new X509Certificate(cert).raw).digest('hex')
}

/** Whether a certificate is still good for a month, for all of these names. */
export function isGood(cert: string, names: readonly string[], nowMs: number): boolean {
  const known = new X509Certificate(cert)
  if (Date.parse(known.validTo) < nowMs + 30 * DAY_MS) return false
  return names.every((name) => (isIP(name) === 0 ? known.checkHost(name) : known.checkIP(name)) !== undefined)
}

function alternative(name: string): Uint8Array {
  const family = isIP(name)
  if (family === 0) return tlv(0x82, Buffer.from(name, 'latin1'))
  return tlv(0x87, family === 4 ? Buffer.from(name.split('.').map(Number)) : ipv6Bytes(name))
}

function ipv6Bytes(address: string): Uint8Array {
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0')
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex')
}
