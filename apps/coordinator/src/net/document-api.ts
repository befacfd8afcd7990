import { SOFTWARE } from '@lorica/protocol'
import { z } from 'zod'
import { apiPage, contentPolicy } from '../api/api-page.js'
import { type OpenApi, openApiOf } from '../api/openapi.js'
import { type Route, route } from '../api/route.js'

/**
 * The document of `routes` and of these two, for programs and for people. It says nothing of this coordinator, asks for no token, and
 * is made when somebody asks: it takes as long as the rest of a start.
 */
export function documentRoutes(routes: readonly Route[]): readonly Route[] {
  const own: readonly Route[] = [
    route({
      path: 'GET /api/v1/openapi.json',
      role: null,
      summary: 'This API as an OpenAPI 3.1 document',
      answer: z.record(z.string(), z.unknown()).describe('an OpenAPI document'),
      act: () => ({ ...made().document }),
    }),
    route({
      path: 'GET /api/v1/docs',
      role: null,
      summary: 'This API as a page to read, without scripts',
      answer: z.string(),
      media: 'text/html; charset=utf-8',
      act: ({ reply }) => {
        void reply.header('content-security-policy', contentPolicy)
        return made().page
      },
    }),
  ]
  let texts: { readonly document: OpenApi; readonly page: string } | undefined
  const made = () => {
    if (texts === undefined) {
      const document = openApiOf([...routes, ...own], SOFTWARE)
      texts = { document, page: apiPage(document) }
    }
    return texts
  }
  return own
}
