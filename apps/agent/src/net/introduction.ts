import { fitMessage, type Hello, type HelloReply, LoricaError, spokenVersions } from '@lorica/protocol'

/** What an agent says of itself; the version of the protocol is the link's. */
export type Introduction = Omit<Hello, 'protocol'>

/**
 * Says hello in the newest version spoken here, and again in each older one that is left when the coordinator does not
 * know it. Throws the coordinator's last refusal: LRC-1008 when there is no version that both speak.
 */
export async function introduce(
  introduction: Introduction,
  say: (hello: Hello) => Promise<HelloReply>,
): Promise<HelloReply> {
  const oldest = spokenVersions[spokenVersions.length - 1]
  for (const protocol of spokenVersions) {
    try {
      const reply = await say(fitMessage('hello', { ...introduction, protocol }, protocol))
      if (reply.protocol === protocol) return reply
      throw new LoricaError(
        'LRC-1012',
        `hello in version ${protocol} was answered in version ${reply.protocol}`,
        {
          expected: String(protocol),
          received: String(reply.protocol),
        },
      )
    } catch (error) {
      if (protocol === oldest || !isNotKnown(error)) throw error
    }
  }
  throw new RangeError('spokenVersions expected at least one version')
}

// A coordinator may stumble over a field of a version that it does not know before it reads which version that is.
function isNotKnown(error: unknown): boolean {
  return error instanceof LoricaError && (error.code === 'LRC-1008' || error.code === 'LRC-1007')
}
