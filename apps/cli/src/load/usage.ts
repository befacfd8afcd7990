/** What a process uses now, and has used since it started. */
export interface Usage {
  readonly rssBytes: number
  readonly peakRssBytes: number // since it started
  readonly heapBytes: number // of JavaScript, in use
  readonly outsideBytes: number // buffers
  readonly cpuMs: number // user and system, all threads, since it started
}

/** What this process uses. */
export function usageNow(): Usage {
  const { rss, heapUsed, external } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return {
    rssBytes: rss,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    heapBytes: heapUsed,
    outsideBytes: external,
    cpuMs: (user + system) / 1000,
  }
}
