import { z } from 'zod'
import { type Route, route } from '../api/route.js'
import type { Metrics } from '../watching/metrics.js'

/** What others that watch a coordinator read of it. */
export function watchingRoutes(metrics: Pick<Metrics, 'text' | 'contentType'>): readonly Route[] {
  return [
    route({
      path: 'GET /metrics',
      role: 'viewer',
      summary: 'Numbers for Prometheus; no label names an agent, a run or a person',
      answer: z.string(),
      media: metrics.contentType,
      act: () => metrics.text(),
    }),
  ]
}
