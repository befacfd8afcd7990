import { existsSync } from 'node:fs'
import { type BrowserContext, chromium, type Page } from 'playwright-core'

const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
] as const

/** The Chromium of this machine: LORICA_CHROMIUM, or where one usually is; undefined where there is none. */
export const chromiumPath: string | undefined =
  process.env.LORICA_CHROMIUM ?? usual.find((path) => existsSync(path))

export const sizes = {
  desktop: { width: 1366, height: 860 },
  phone: { width: 390, height: 844 },
} as const

/** A real browser, and everything that went wrong in its pages. */
export interface Browser extends AsyncDisposable {
  /** A tab of its own, without what other tabs know. */
  open(): Promise<Page>
  /** Errors on the console, exceptions, and requests to another origin than `origin`. */
  readonly faults: readonly string[]
}

/** Starts Chromium. */
export async function startBrowser(origin: string): Promise<Browser> {
  const isRoot = process.getuid?.() === 0
  const browser = await chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: isRoot ? ['--no-sandbox'] : [],
  })
  const faults: string[] = []
  const watch = (context: BrowserContext) => {
    context.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) faults.push(`asked ${request.url()}`)
    })
    context.on('page', (page) => {
      page.on('pageerror', (error) => faults.push(`threw ${error.message}`))
      page.on('console', (message) => {
        if (message.type() === 'error') faults.push(`printed ${message.text()}`)
      })
    })
  }
  return {
    faults,
    async open() {
      const context = await browser.newContext({ viewport: sizes.desktop })
      context.setDefaultTimeout(30_000)
      watch(context)
      return await context.newPage()
    },
    [Symbol.asyncDispose]: () => browser.close(),
  }
}

/** What a page shows that somebody cannot use: text without contrast, things to press without a name, and what is cut off at the side. */
export async function hindrances(page: Page): Promise<readonly string[]> {
  return await page.evaluate<readonly string[]>(LOOK)
}

/** Runs in the page. Contrast as in WCAG 2.2: 4.5 for text, 3 where it is large. */
const LOOK = `(() => {
  const found = []
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const ground = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const colour = rgba(getComputedStyle(one).backgroundColor)
      if (colour[3] > 250) return colour
    }
    return [255, 255, 255, 255]
  }
  const shown = (element) => element.checkVisibility() && element.getClientRects().length > 0
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('')
    if (text === '' || !shown(element) || element.closest(':disabled, .unseen, svg, noscript') !== null) continue
    const style = getComputedStyle(element)
    const [a, b] = [light(rgba(style.color)), light(ground(element))].sort((x, y) => y - x)
    const ratio = (a + 0.05) / (b + 0.05)
    const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700)
    if (ratio < (isLarge ? 3 : 4.5)) found.push('contrast ' + ratio.toFixed(2) + ': ' + text.slice(0, 40))
  }
  for (const element of document.querySelectorAll('button, a[href], input, select, summary')) {
    const named = element.getAttribute('aria-label') || element.labels?.length > 0 || element.textContent.trim() !== ''
    if (shown(element) && !named) found.push('no name: ' + element.outerHTML.slice(0, 80))
  }
  const wide = document.documentElement.scrollWidth - innerWidth
  if (wide > 0) found.push('wider than the screen by ' + wide)
  if (document.querySelectorAll('h1').length !== 1) found.push('one h1 expected')
  return found
})()`
