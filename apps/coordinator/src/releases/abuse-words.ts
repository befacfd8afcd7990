/**
 * The words that the guard `words` looks for where a run names none: some 50 English swear words, slurs and insults, as the first 8 bytes of
 * the SHA-256 of each in lower case, so that they stand in no file and no message. It is a coarse measure: it knows no context and no other
 * language, and a run gives its own words as evaluate.words.
 * @module
 */

const HASHES = [
  'BqHYv3/CEN4IqEHplngeng8oxJYNlmR+EQxsWob6DeUSD25bTqMvZRWIaalzeSKbFuoJ/HjKg8oi/HXmWg6dNC9fbOWuMLVK',
  'MKmJr8gsCiExUGqESKdhpDseDXxd1FWDSPq3pWR5t+xWb1MtSGyUd1qdnc77VuWTasPDNuQJSDV5bkOlqM23O4DXEUD3UTlM',
  'hfwX9waazTmIbVHpeteTHY9Qg+Plx9yJlYzlwyHSVJmYbJkAQWOmxZi1LEtrfR9ImRW6LYIigPKa4xWpTkKKfp39Dca+DN15',
  'rVBbC+ikm4mwSopABjWER7aQzb5Z8Us7u2HvQIFM40y7xEv65s150L0zH7HSQpj1vbHMJY1pdqrCw7aLSIMq/cPeUz6bf+Y7',
  'zAIDI0nIM6zWvgyfsHiRz9dag43HWLoX3ZJiOwpLJV/lEqBVg0SPROe5jGqluUTg6M405+q40RTu870JFnDDRPUMUe0jFdzz',
  '+dDZsYrpAzo=',
].join('')

/** Hashes of 8 bytes, one after the other. */
export function abuseWords(): Uint8Array {
  return Uint8Array.from(Buffer.from(HASHES, 'base64'))
}
