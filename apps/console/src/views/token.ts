/** The token in a link that a coordinator prints, or in the fragment of one; undefined where there is none. */
export function tokenIn(text: string): string | undefined {
  return /#token=([\w-]{16,128})$/.exec(text.trim())?.[1]
}
