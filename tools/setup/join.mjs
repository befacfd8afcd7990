/**
 * Joins each program and what it imports into a few files, from the thousand that the build leaves: Node loads them three to four
 * times as fast. `bin/` of an app starts them as long as nothing was compiled since.
 * @module
 */
import { rmSync } from 'node:fs'
import { basename, dirname, join, posix, relative, sep } from 'node:path'
import { rolldown } from 'rolldown'

const engines = {
  'runtime/host': 'libs/peft-core/dist/runtime/host.js',
  'decode/host': 'libs/peft-core/dist/decode/host.js',
}

/** What each app starts: its main program, and those of its threads and processes. */
const programs = {
  coordinator: {
    main: 'apps/coordinator/dist/main.js',
    'aggregation/aggregation-thread': 'apps/coordinator/dist/aggregation/aggregation-thread.js',
  },
  agent: {
    main: 'apps/agent/dist/main.js',
    'summing/masking-thread': 'apps/agent/dist/summing/masking-thread.js',
    ...engines,
  },
  cli: { main: 'apps/cli/dist/main.js', ...engines },
}

/** Packages with native parts, or that are there on some machines only. */
const apart =
  /^(onnxruntime-|libsql$|@libsql\/|pg$|pg-native$|msgpackr-extract$|bufferutil$|utf-8-validate$|@tensorflow\/|sharp$)/

/** Writes `joined/` of each app, from what is in `dist`. */
export async function joinPrograms(root) {
  for (const [app, entries] of Object.entries(programs)) {
    const out = join(root, 'apps', app, 'joined')
    const input = Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, join(root, path)]))
    const joined = await rolldown({
      ...{ input, external: apart, platform: 'node', logLevel: 'warn' },
      plugins: [places(root, out, input)],
    })
    rmSync(out, { recursive: true, force: true })
    await joined.write({ dir: out, format: 'esm' })
    await joined.close()
  }
}

/**
 * A file of ours that finds another beside itself, by `import.meta.url`, still finds it: the program of a thread or a process among
 * what is joined, anything else where it was.
 */
function places(root, out, input) {
  const slashed = (path) => path.split(sep).join('/')
  const started = Object.entries(input).filter(([name]) => name !== 'main')
  return {
    name: 'places',
    transform(code, id) {
      const path = relative(root, id)
      const isOurs = /^(apps|libs)\b/.test(path) && !path.includes('node_modules')
      if (!isOurs || !code.includes('import.meta.url')) return null
      const starts = started.find(
        ([, one]) => relative(root, dirname(one)) === dirname(path) && code.includes(`'${basename(one)}'`),
      )
      const place =
        starts === undefined ? slashed(relative(out, id)) : posix.join(posix.dirname(starts[0]), basename(id))
      return code.replaceAll('import.meta.url', `new URL("@place ${place}", import.meta.url).href`)
    },
    renderChunk: (code, { fileName }) =>
      code.replaceAll('"@place ', `"${'../'.repeat(fileName.split('/').length - 1)}`),
  }
}
