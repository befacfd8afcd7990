import type { FastifyInstance } from 'fastify'
import { createRepetition } from '../api/once.js'
import { serveRoutes } from '../api/route.js'
import { type AgentParts, agentRoutes } from './agent-api.js'
import { documentRoutes } from './document-api.js'
import { type OperatorParts, operatorApi, operatorRoutes } from './operator-api.js'

/** Serves all that a coordinator answers over HTTP, and the document of it. */
export function serveApi(app: FastifyInstance, parts: AgentParts & OperatorParts): void {
  const open = agentRoutes(parts)
  const guarded = operatorRoutes(parts)
  serveRoutes(app, [...open, ...documentRoutes([...open, ...guarded])])
  operatorApi(app, guarded, parts, createRepetition(parts))
}
