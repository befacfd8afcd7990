/** Lines for a terminal of so many columns: broken between words, what follows under the words of the item that it belongs to. */
export function wrapped(lines: readonly string[], columns: number): readonly string[] {
  return lines.flatMap((line) => {
    const [indent = ''] = /^ *(?:- )?/.exec(line) ?? []
    const room = Math.max(20, columns - indent.length)
    const rows: string[] = []
    for (const word of line.slice(indent.length).split(' ')) {
      const last = rows.at(-1)
      if (last !== undefined && last.length + 1 + word.length <= room)
        rows[rows.length - 1] = `${last} ${word}`
      else rows.push(word)
    }
    return rows.map((row, at) => `${at === 0 ? indent : ' '.repeat(indent.length)}${row}`)
  })
}
