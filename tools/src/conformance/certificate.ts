import { createHash } from 'node:crypto'
import { connect } from 'node:tls'
import { nonceHeader, parseBinding } from '@lorica/protocol'
import type { Statement } from './statement.js'

/** What section 1 says of TLS. */
export const certificate: Statement = {
  section: '1',
  statement: 'the certificate that is shown is the one that the key of the coordinator has signed for',
  expected: 'the same certificate',
  async observe({ link, get, waitMs }) {
    if (!link.url.startsWith('https:')) return { because: 'the link is to plain HTTP' }
    const headers = { [nonceHeader]: 'conformance_certificate_nonce' }
    const { certificateSha256 } = parseBinding((await get('/api/v1/coordinator', headers)).body)
    if (certificateSha256 === null)
      return { because: 'a proxy ends TLS: an authority has to vouch for its certificate' }
    const shown = await shownBy(link.url, waitMs)
    return shown === certificateSha256 ? 'the same certificate' : `one with the SHA-256 ${shown}`
  },
}

/** The hexadecimal SHA-256 of the certificate that a server shows, whoever vouches for it. */
async function shownBy(url: string, waitMs: number): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || 443), rejectUnauthorized: false })
  socket.setTimeout(waitMs, () => socket.destroy(new Error(`no TLS in ${waitMs} ms`)))
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    return createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex')
  } finally {
    socket.destroy()
  }
}
