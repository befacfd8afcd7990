/**
 * The document of the API as one page: no scripts, nothing from elsewhere.
 * @module
 */
import { createHash } from 'node:crypto'
import type { Json } from './json-schemas.js'
import type { OpenApi, Operation } from './openapi.js'
import { shapeOf } from './shape-text.js'

const style = `
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --name: #0a6b52 }
@media (prefers-color-scheme: dark) { :root { --quiet: #999; --name: #6fd3b4 } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); text-transform: capitalize }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem 1rem; margin: 1rem 0 }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin: 0; overflow-wrap: anywhere }
h3 b { color: var(--name) }
p { margin: .25rem 0 }
.role, dt { color: var(--quiet) }
pre { overflow-x: auto; font-size: .85rem; line-height: 1.4; margin: .5rem 0 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .5rem 0 }
dd { margin: 0 }
nav a { margin-right: 1rem }
`

/** What the page may load: its own style, and nothing else. */
export const contentPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** The page of a document. */
export function apiPage({ info, paths, components }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  )
  const tags = [...new Set(operations.flatMap(({ operation }) => operation.tags))].sort()
  const sections = tags.map((tag) => {
    const articles = operations
      .filter(({ operation }) => operation.tags.includes(tag))
      .map(({ method, path, operation }) => article(method.toUpperCase(), path, operation))
    return `<section id="${text(tag)}"><h2>${text(tag)}</h2>${articles.join('')}</section>`
  })
  const shapes = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<article id="${text(name)}"><h3>${text(name)}</h3>${described(schema)}<pre>${linked(shapeOf(schema))}</pre></article>`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(String(info.title))} API</title><style>${style}</style></head>
<body><header><h1>${text(String(info.title))} API</h1><p>${text(String(info.description))}</p>
<p>Version ${text(String(info.version))}. For programs: <a href="/api/v1/openapi.json">openapi.json</a>. Where a role is named, send <code>authorization: Bearer TOKEN</code>.</p>
<nav aria-label="Sections">${[...tags, 'shapes'].map((tag) => `<a href="#${text(tag)}">${text(tag)}</a>`).join('')}</nav></header>
<main>${sections.join('')}<section id="shapes"><h2>Shapes</h2>${shapes.join('')}</section></main></body></html>
`
}

function article(method: string, path: string, operation: Operation): string {
  const { summary, parameters, requestBody, responses } = operation
  const role = operation['x-lorica-role']
  return [
    `<article id="${text(operation.operationId)}"><h3><b>${method}</b> ${text(path)}</h3>`,
    `<p>${text(summary)}. <span class="role">${role === null ? 'No token' : `Role ${role}`}</span></p>`,
    parameters.length === 0 ? '' : `<dl>${parameters.map(parameter).join('')}</dl>`,
    requestBody === undefined ? '' : `<p>Body</p>${shapeIn(requestBody)}`,
    ...Object.entries(responses).map(([status, response]) => answered(status, response)),
    '</article>',
  ].join('')
}

function parameter({ name, in: where, required, description, schema }: Json): string {
  const kind = [where, required === true ? 'needed' : 'optional', shapeOf(schema as Json)].join(', ')
  return `<dt><code>${text(String(name))}</code></dt><dd>${text(kind)}${description === undefined ? '' : `: ${text(String(description))}`}</dd>`
}

function answered(status: string, response: Json): string {
  if (status.startsWith('2')) return `<p>Answer ${status}</p>${shapeIn(response)}`
  return `<dl><dt>${status}</dt><dd>${text(String(response.description))}</dd></dl>`
}

function shapeIn({ content }: Json): string {
  return Object.entries(content as Readonly<Record<string, { readonly schema: Json }>>)
    .map(
      ([media, { schema }]) =>
        `<pre>${media === 'application/json' ? '' : `${text(media)}: `}${linked(shapeOf(schema))}</pre>`,
    )
    .join('')
}

const described = ({ description }: Json): string =>
  description === undefined ? '' : `<p>${text(String(description))}</p>`

/** The text of a shape with a link where it names another. */
function linked(shape: string): string {
  return text(shape).replace(/@(\w+)/g, '<a href="#$1">$1</a>')
}

function text(raw: string): string {
  return raw.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
