/**
 * A model that answers through OpenAI's API.
 * @module
 */
export type { AnswerTally } from './metrics/answer-tally.js'
export { adapterOffer } from './models/adapter-offer.js'
export { controlPaths } from './models/control.js'
export type { Canary, Routing, RoutingRule } from './models/routing.js'
export type { Offer, Placed, ServedModel, Shelf } from './models/shelf.js'
export type { Paths } from './net/server.js'
export { type Serving, type ServingOptions, startServing } from './serving.js'
export { createStopText, type StopText } from './text/stop-text.js'
export { createTokenText, type TokenText } from './text/token-text.js'
