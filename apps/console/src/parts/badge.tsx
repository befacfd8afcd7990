import type { Tone } from '../views/tone.js'

/** A state as a word with a colour. */
export function Badge({ tone, text, isLive = false }: { tone: Tone; text: string; isLive?: boolean }) {
  return <span class={`badge ${tone}${isLive ? ' live' : ''}`}>{text}</span>
}
