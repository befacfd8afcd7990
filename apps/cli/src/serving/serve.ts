import { once } from 'node:events'
import { adapterOffer, controlPaths, type Serving, startServing } from '@lorica/serving'
import { Command } from 'commander'
import { type EngineChoice, engineOptions, withEngineOptions } from '../learning/engine-choice.js'
import { withCode } from '../learning/errors.js'
import { byName, positiveInteger, wholeNumber } from '../screen/argument.js'
import { runs } from '../screen/command.js'
import type { Output } from '../screen/output.js'

interface ServeOptions extends EngineChoice {
  readonly model: string
  readonly name?: string
  readonly adapter?: Readonly<Record<string, string>>
  readonly host: string
  readonly port: number
  readonly apiKey?: string
  readonly batch: number
  readonly queue: number
  readonly maxTokens?: number
  readonly chatTemplate?: string
  readonly keep: number
  readonly prepacking?: boolean
}

const paths = `
Answers GET /v1/models, POST /v1/completions, /v1/chat/completions (with "stream", too) and /v1/embeddings as OpenAI's API does,
and GET /metrics, /healthz and /readyz. An adapter is chosen by "model" in the request. POST /admin/adapters {"name","path"} loads an adapter beside
what is served under the name, tries it and switches between two requests; /admin/adapters/undo {"name"} goes back.
SIGHUP reads all folders of --adapter again and switches to what is there. POST /admin/routing
{"rules":[{"header","value","model"}],"canaries":[{"of","model","share"}]} sends the requests of a tenant or a task, or a share of
those of a model, to another. On another host than this machine's own, --api-key (or LORICA_API_KEY) is needed.`

/** `lorica serve`: a model with its adapters, for clients of OpenAI's API. */
export function serveCommand(): Command {
  const command = new Command('serve')
    .description("answer clients of OpenAI's API with a model and its adapters, on this machine")
    .requiredOption('--model <path>', 'base model: a Hugging Face folder or an .onnx file')
    .option(
      '--adapter <name=folder>',
      'a PEFT adapter, by the name to ask for it; may be repeated',
      byName(String),
    )
    .option('--name <name>', "the name of the model as it is (default: its folder's)")
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <n>', '0 takes any that is free', wholeNumber, 8000)
    .option('--api-key <key>', 'what clients have to know')
    .option('--batch <n>', 'answers that grow at once', positiveInteger, 8)
    .option('--queue <n>', 'answers that may wait; more are refused with status 429', wholeNumber, 64)
    .option(
      '--max-tokens <n>',
      "the longest text, prompt and answer (default: the model's, up to 4096)",
      positiveInteger,
    )
    .option('--chat-template <file>', "a template for conversations, in place of the model's")
    .option('--keep <n>', 'versions of an adapter that stay loaded, to go back to', positiveInteger, 3)
    .option('--prepacking', 'more tokens a second where several answers grow, for a multiple of the memory')
    .addHelpText('after', paths)
  return runs(withEngineOptions(command), (options: ServeOptions, output) =>
    withCode('LRC-7004', () => serve(options, output)),
  )
}

async function serve(options: ServeOptions, output: Output): Promise<void> {
  const { model, host, port, batch, queue, keep, adapter: folders = {} } = options
  output.progress('reading the model …')
  await using serving = await withCode('LRC-7001', () =>
    startServing({
      ...{ model, host, port, kept: keep, maxTexts: batch, maxWaiting: queue },
      name: options.name,
      engine: engineOptions(options),
      maxTokens: options.maxTokens,
      template: options.chatTemplate,
      prepacking: options.prepacking,
      key: options.apiKey ?? process.env.LORICA_API_KEY,
      paths: (controlled) => controlPaths(model, controlled),
    }),
  )
  for (const name of Object.keys(folders)) await place(serving, options, name)
  const { url, shelf, facts } = serving
  const models = shelf.models.map(({ name, version, isCached }) => ({ name, version, isCached }))
  output.result({ url, models, maxTokens: facts.maxColumns, engine: facts.engine }, [
    `serving on ${url}/v1`,
    ...models.map(
      ({ name, version, isCached }) => `  ${name}  ${version}${isCached ? '' : '  (without a cache: slow)'}`,
    ),
  ])
  process.on('SIGHUP', () => {
    for (const name of Object.keys(folders)) {
      place(serving, options, name).then(
        ({ version, before }) => output.line(`${name}: ${before} -> ${version}`),
        (error: Error) => process.stderr.write(`${name} stays as it is: ${error.message}\n`),
      )
    }
  })
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  output.progress('answering what has come, then stopping …')
}

async function place(serving: Serving, { model, adapter = {} }: ServeOptions, name: string) {
  const offer = await withCode('LRC-7003', () => adapterOffer(model, adapter[name] as string))
  return await withCode('LRC-7004', () => serving.shelf.put(name, offer))
}
