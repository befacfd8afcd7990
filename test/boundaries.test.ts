import type { Project } from '@lorica/tools/workspace'
import { describe, expect, test } from 'vitest'
import { problemsOf, real } from './support/imagined-files.js'

const wire = 'libs/protocol/src/message.ts'
const learning = 'libs/peft-core/src/runtime/measure.ts'
const privacy = 'libs/privacy/src/mask.ts'
const coordinator = 'apps/coordinator/src/rounds/extra.ts'
const agent = 'apps/agent/src/extra.ts'
const page = 'apps/console/src/views/fleet-rows.ts'
const cli = 'apps/cli/src/extra.ts'

test('this repository keeps its own boundaries', () => {
  expect(problemsOf(real)).toEqual([])
})

test('every project of this repository is seen, with its files', () => {
  const seen = real.projects.map(({ name }) => name)
  expect(seen.toSorted()).toEqual([
    '@lorica/agent',
    '@lorica/console',
    '@lorica/coordinator',
    '@lorica/evidence',
    '@lorica/peft-core',
    '@lorica/privacy',
    '@lorica/protocol',
    '@lorica/serving',
    '@lorica/test',
    '@lorica/tools',
    'lorica',
  ])
  for (const { folder } of real.projects) {
    expect(real.files.filter(({ path }) => path.startsWith(`${folder}/`)).length, folder).toBeGreaterThan(1)
  }
})

describe('an import that crosses a line is reported', () => {
  test.each([
    ['wire imports a project', wire, '@lorica/peft-core', 'layer:wire may not import @lorica/peft-core'],
    ['core imports a project', learning, '@lorica/protocol', 'layer:core may not import @lorica/protocol'],
    ['core imports socket.io', learning, 'socket.io', 'layer:core may not import "socket.io"'],
    [
      'core imports a part of socket.io',
      learning,
      'socket.io-parser',
      'layer:core may not import "socket.io-parser"',
    ],
    ['core imports msgpackr', learning, 'msgpackr', 'layer:core may not import "msgpackr"'],
    ['core imports fastify', learning, 'fastify', 'layer:core may not import "fastify"'],
    [
      'privacy imports a project',
      privacy,
      '@lorica/peft-core',
      'layer:privacy may not import @lorica/peft-core',
    ],
    [
      'privacy imports socket.io',
      privacy,
      'socket.io-client',
      'layer:privacy may not import "socket.io-client"',
    ],
    [
      'the coordinator imports the agent',
      coordinator,
      '@lorica/agent',
      'layer:app may not import @lorica/agent',
    ],
    [
      'the agent imports the coordinator',
      agent,
      '@lorica/coordinator',
      'layer:app may not import @lorica/coordinator',
    ],
    ['an app imports the tools', agent, '@lorica/tools/sizes', 'layer:app may not import @lorica/tools'],
    ['an app imports the tests', agent, '@lorica/test', 'layer:app may not import @lorica/test'],
    [
      'the coordinator imports the agents’ socket',
      coordinator,
      'socket.io-client',
      'side:coordinator may not import',
    ],
    [
      'the coordinator loads a native runtime',
      coordinator,
      'onnxruntime-node',
      'side:coordinator may not import',
    ],
    [
      'the coordinator loads TensorFlow.js',
      coordinator,
      '@tensorflow/tfjs',
      'side:coordinator may not import',
    ],
    ['the agent listens', agent, 'socket.io', 'side:agent may not import "socket.io"'],
    ['the page loads the learning', page, '@lorica/peft-core', 'side:console may not import'],
    ['the page listens', page, 'socket.io', 'side:console may not import "socket.io"'],
    ['the agent serves HTTP', agent, 'fastify', 'side:agent may not import "fastify"'],
    ['the CLI imports an app', cli, '@lorica/agent', 'layer:cli may not import @lorica/agent'],
    [
      'tools reach inside an app',
      'tools/src/extra.ts',
      '@lorica/agent/dist/work.js',
      'reaches inside @lorica/agent',
    ],
    [
      'a package is reached into',
      agent,
      '@lorica/protocol/dist/limits.js',
      'reaches inside @lorica/protocol',
    ],
    ['a project imports itself by name', agent, '@lorica/agent', 'is this package'],
    [
      'a relative path leaves its project',
      agent,
      '../../../libs/protocol/src/limits.js',
      'leaves apps/agent',
    ],
    [
      'a test’s relative path leaves its project',
      'test/extra.test.ts',
      '../tools/src/checks/sizes.js',
      'leaves test',
    ],
    [
      'a package is not declared',
      agent,
      'commander',
      '"commander" is not declared: add it to apps/agent/package.json',
    ],
    ['a test tool is used outside tests', agent, 'vitest', '"vitest" is not declared'],
    [
      'core runs graphs outside runtime/',
      'libs/peft-core/src/train/extra.ts',
      'onnxruntime-node',
      'only runtime/ may import',
    ],
    [
      'core runs TensorFlow.js outside runtime/',
      'libs/peft-core/src/evaluate/extra.ts',
      '@tensorflow/tfjs-core',
      'only runtime/ may import',
    ],
    [
      'core imports a later stage',
      'libs/peft-core/src/source/extra.ts',
      '../train/trainer.js',
      'source/ comes before train/',
    ],
    [
      'core aggregates before it is trained',
      'libs/peft-core/src/adapt/extra.ts',
      '../aggregate/fedavg.js',
      'adapt/ comes before',
    ],
    [
      'a run knows how its updates are aggregated',
      'apps/coordinator/src/runs/extra.ts',
      '../aggregation/candidate.js',
      'runs/ comes before',
    ],
    [
      'aggregation knows the rounds',
      'apps/coordinator/src/aggregation/extra.ts',
      '../rounds/plan.js',
      'aggregation/ comes before',
    ],
    [
      'core imports its own entry',
      'libs/peft-core/src/train/extra.ts',
      '../index.js',
      "is the library's own entry",
    ],
    [
      'core grows a stage without a place',
      'libs/peft-core/src/wizardry/extra.ts',
      'node:path',
      '"wizardry" is no stage',
    ],
  ])('%s', (_, path, specifier, expected) => {
    expect(
      problemsOf([[path, `import * as it from '${specifier}'\nexport const used = it\n`]]),
    ).toContainEqual(expect.stringContaining(expected))
  })

  test.each([
    ['a type', "import type { Limits } from '@lorica/agent'"],
    ['a re-export', "export { limits } from '@lorica/agent'"],
    ['a side effect', "import '@lorica/agent'"],
    ['a list over several lines', "import {\n  one, // first\n  two,\n} from '@lorica/agent'"],
    ['a dynamic import', "export const late = () => import('@lorica/agent')"],
    ['a require', "export const old = require('@lorica/agent')"],
    ['the type of an import', "export type Old = typeof import('@lorica/agent')"],
  ])('written as %s', (_, text) => {
    expect(problemsOf([[coordinator, text]])).toContainEqual(
      expect.stringContaining('layer:app may not import @lorica/agent'),
    )
  })

  test('files import each other in a circle', () => {
    const problems = problemsOf([
      ['apps/agent/src/first.ts', "import { second } from './second.js'\nexport const first = second\n"],
      [
        'apps/agent/src/second.ts',
        "import type { Third } from './third.js'\nexport const second: Third = 2\n",
      ],
      [
        'apps/agent/src/third.ts',
        "import type { first } from './first.js'\nexport type Third = typeof first\n",
      ],
    ])
    expect(problems).toContainEqual(
      expect.stringContaining(
        'src/first.ts -> apps/agent/src/second.ts -> apps/agent/src/third.ts -> apps/agent/src/first.ts',
      ),
    )
  })
})

describe('a package.json that crosses a line is reported', () => {
  test.each([
    [
      'a library depends on a project',
      '@lorica/peft-core',
      { dependencies: ['@lorica/protocol'] },
      'may not depend on @lorica/protocol',
    ],
    [
      'an app depends on the other',
      '@lorica/agent',
      { dependencies: ['@lorica/coordinator'] },
      'may not depend on',
    ],
    ['a project has no layer', '@lorica/agent', { tags: ['side:agent'] }, 'expected one layer'],
    [
      'a project has two layers',
      '@lorica/agent',
      { tags: ['layer:app', 'layer:wire'] },
      'expected one layer',
    ],
    [
      'a tag is misspelt',
      '@lorica/agent',
      { tags: ['layer:app', 'side:agents'] },
      'expected one layer and only',
    ],
  ])('%s', (_, name, change: Partial<Project>, expected) => {
    const projects = real.projects.map((project) =>
      project.name === name ? { ...project, ...change } : project,
    )
    expect(problemsOf({ ...real, projects })).toContainEqual(expect.stringContaining(expected))
  })
})

describe('what is allowed is not reported', () => {
  test.each([
    ['the CLI starts an app', cli, "export const main = import.meta.resolve('@lorica/agent/main')"],
    ['an import in a comment', coordinator, "// import '@lorica/agent'\n/* require('@lorica/agent') */"],
    ['an import in a text', coordinator, 'export const advice = "write: import \'@lorica/agent\'"'],
    ['a leaf part of a later stage', 'libs/peft-core/src/source/extra.ts', "import '../adapter/tensor.js'"],
    ['an earlier stage', 'libs/peft-core/src/evaluate/extra.ts', "import '../train/batches.js'"],
    ['vitest in a test', 'apps/agent/src/extra.test.ts', "import { test } from 'vitest'"],
  ])('%s', (_, path, text) => {
    expect(problemsOf([[path, text]])).toEqual([])
  })
})
