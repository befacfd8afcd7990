// A join link, a bearer, a token of 32 random bytes or a key, and the password of a URL; hashes and ids are hexadecimal, and stay.
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/#[A-Za-z0-9_-]{16,}(\.[A-Za-z0-9_-]{43}(\.\d+\.[A-Za-z0-9_-]{43})?)?/g, '#[secret]'],
  [/(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}\.[A-Za-z0-9_-]{43}(\.\d+\.[A-Za-z0-9_-]{43})?/g, '[secret]'],
  [/\bBearer\s+\S+/gi, 'Bearer [secret]'],
  [/(?<![A-Za-z0-9_/-])(?![0-9a-f]{43}(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, '[secret]'],
  [/(\/\/[^\s:/@]+):[^\s@/]+@/g, '$1:[secret]@'],
]

/** A text for a log: what looks like a token, a join link, a key or a password is left out of it. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text)
}

/**
 * A text for a log without the names of private files: each path, and its last part, becomes `[data N]`, N being its place in `paths`
 * from 1 on.
 */
export function withoutPaths(text: string, paths: readonly string[]): string {
  const names = paths.flatMap((path, at) => {
    const base = path.split(/[\\/]/).at(-1) ?? ''
    return [path, base].filter((name) => name !== '').map((name) => [name, `[data ${at + 1}]`] as const)
  })
  return [...names]
    .sort(([a], [b]) => b.length - a.length)
    .reduce((rest, [name, instead]) => rest.replaceAll(wholly(name), instead), text)
}

/** A name where it stands alone: `a.txt` is no part of `data.txt`. */
function wholly(name: string): RegExp {
  const literal = name.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, 'gu')
}
