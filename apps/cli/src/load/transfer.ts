/** Sends `sizeBytes` from `offset` on in chunks, at most `windowBytes` of them unanswered, as agents do. */
export async function sendWindowed(
  { offset, sizeBytes, chunkBytes, windowBytes }: Window,
  send: (offset: number, length: number) => Promise<unknown>,
): Promise<void> {
  const unanswered: Promise<unknown>[] = []
  const most = Math.max(1, Math.floor(windowBytes / chunkBytes))
  for (let at = offset; at < sizeBytes; at += chunkBytes) {
    if (unanswered.length >= most) await unanswered.shift()
    const sent = send(at, Math.min(chunkBytes, sizeBytes - at))
    sent.catch(() => undefined) // the first that fails is thrown below
    unanswered.push(sent)
  }
  for (const sent of unanswered) await sent
}

/** What is sent, in which pieces. */
export interface Window {
  readonly offset: number
  readonly sizeBytes: number
  readonly chunkBytes: number
  readonly windowBytes: number
}
