/** 1xxx: bytes and messages on a connection. */
export const wireCodes = {
  'LRC-1001': {
    title: 'Frame is not valid MessagePack',
    meaning: 'A frame ended too early, had bytes left over, or was text where binary was expected.',
    action: 'Check that both sides run Lorica and that no proxy rewrites WebSocket frames.',
  },
  'LRC-1002': {
    title: 'Frame is too large',
    meaning: 'A frame, string or byte field is larger than the protocol allows.',
    action: 'Send tensors in chunks of at most limits.chunkBytes; update the older side.',
  },
  'LRC-1003': {
    title: 'Frame holds too many values',
    meaning:
      'A frame announced more values than one message can have. Such frames are used to exhaust memory.',
    action: 'Update the sending side. If you do not know the peer, revoke its agent.',
  },
  'LRC-1004': {
    title: 'Frame is nested too deeply',
    meaning: 'Containers inside containers beyond the limit of the protocol.',
    action: 'Update the sending side. If you do not know the peer, revoke its agent.',
  },
  'LRC-1005': {
    title: 'Frame holds a forbidden type',
    meaning: 'Extension types, keys that are not text, and the key __proto__ never travel in Lorica frames.',
    action: 'Send plain maps, lists, text, numbers and bytes only.',
  },
  'LRC-1006': {
    title: 'Packet is malformed',
    meaning: 'The frame decoded, but it is not a socket.io packet of this protocol.',
    action: 'Use the codec of @lorica/protocol on both sides; see PROTOCOL.md.',
  },
  'LRC-1007': {
    title: 'Message has the wrong fields',
    meaning: 'A message lacks a field, has an unknown one, or a value is outside its limits.',
    action: 'Run the same version on both sides; the text names the field.',
  },
  'LRC-1008': {
    title: 'Protocol versions do not match',
    meaning: 'The agent and the coordinator have no version of the protocol in common.',
    action: 'Update the older side on its machine with `git pull && npm run build`, then start it again.',
  },
  'LRC-1009': {
    title: 'No answer in time',
    meaning: 'The other side did not answer a message before its deadline.',
    action: 'Check the link; the agent tries again by itself.',
  },
  'LRC-1010': {
    title: 'Value cannot be sent',
    meaning: 'Only plain data travels: maps, lists, text, numbers, booleans, null and Uint8Array.',
    action: 'Send tensors as Uint8Array views of their bytes.',
  },
  'LRC-1011': {
    title: 'Unknown message',
    meaning: 'The peer sent a message whose name this version does not know.',
    action: 'Update the older side.',
  },
  'LRC-1012': {
    title: 'Reply is malformed',
    meaning: 'The other side answered, but not with the fields of this protocol.',
    action: 'Run the same version on both sides.',
  },
  'LRC-1013': {
    title: 'WebSocket frame is malformed',
    meaning:
      'A frame broke a rule of WebSocket itself (RFC 6455): no mask, an unknown opcode, fragments out of order.',
    action: 'Check that no proxy rewrites WebSocket frames; update the other side.',
  },
  'LRC-1014': {
    title: 'Idempotency key names another request',
    meaning:
      'A request that creates something was sent with a key under which this operator had sent a different one, which was answered.',
    action:
      'Give each request a key of its own, such as a UUID, and use it again only to send the same request once more.',
  },
  'LRC-1015': {
    title: 'It was changed meanwhile',
    meaning:
      'The request was to count only while something is as it was read (If-Match, If-None-Match), and it is not so any more. Nothing was changed.',
    action: 'Read it again, and decide again.',
  },
} as const
