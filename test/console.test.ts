import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumPath, hindrances, sizes, startBrowser } from './support/browser.js'
import { siteText, startFleet } from './support/fleet.js'
import { createFolder } from './support/folder.js'

if (chromiumPath === undefined)
  console.log('console.test.ts is skipped: no Chromium (apt-get install chromium, or LORICA_CHROMIUM)')

test.skipIf(chromiumPath === undefined)(
  'somebody without a terminal starts a run in the browser, watches it, rolls out what it made, takes it back, and sees that nothing was changed',
  async () => {
    await using folder = await createFolder()
    await using fleet = await startFleet({ folder: folder.path, texts: [siteText(0), siteText(1)] })
    await using browser = await startBrowser(fleet.url)
    const pictures = process.env.LORICA_SCREENSHOTS ?? folder.at('pictures')
    await mkdir(pictures, { recursive: true })

    const page = await browser.open()
    const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
    await page.goto(`${fleet.url}/#token=${fleet.adminToken}`)
    await heading('Runs')
    expect(page.url()).not.toContain(fleet.adminToken)

    await page.getByRole('link', { name: 'Start a run' }).first().click()
    await page.getByLabel('Model', { exact: true }).fill(fleet.model)
    await page.getByRole('button', { name: /^Try it/ }).click()
    for (const [label, value] of [
      ['Name of the run', 'seen'],
      ['Rounds', '2'],
      ['Rows of a step', '4'],
      ['Tokens of a row', '24'],
      ['Learning rate', '0.05'],
      ['Agents at least', '2'],
    ] as const)
      await page.getByLabel(label, { exact: true }).fill(value)
    await page.getByText('2 of 2 agents in the first round').waitFor()
    await page.screenshot({ path: join(pictures, 'start.png'), fullPage: true })
    expect(await hindrances(page)).toEqual([])
    await page.getByRole('button', { name: 'Start the run' }).click()

    await heading('seen-1')
    await page.getByText('of 2 updates are in').waitFor()
    await page.screenshot({ path: join(pictures, 'watch.png'), fullPage: true })
    await page.locator('h1 + .badge', { hasText: 'succeeded' }).waitFor()
    await page.getByRole('img', { name: /^Loss .* before training, .* after round 2; agents lie/ }).waitFor()
    const run = await fleet.operate<{ state: string; release: string }>('run', 'show', 'seen-1')
    expect([run.state, run.release]).toEqual(['succeeded', 'v2'])

    await page.goto(`${fleet.url}/#/releases/v1`)
    await page.getByLabel('Name', { exact: true }).fill('champion')
    await page.getByRole('button', { name: 'Give it this name' }).click()
    await page.locator('.title .alias', { hasText: 'champion' }).waitFor()
    await page.goto(`${fleet.url}/#/releases/v2`)
    await page.getByRole('link', { name: 'Roll it out' }).click()
    await page.getByLabel('Groups', { exact: true }).fill('1, 100%')
    await page.getByLabel('Minutes that each is watched').fill('0.02')
    await page.getByLabel('I promote each group myself').check()
    await page.getByRole('button', { name: 'Start: v1 → v2' }).click()
    await heading('v1 → v2')
    const state = (name: string) => page.locator('h1 + .badge', { hasText: name }).waitFor()
    const tell = async (verb: string, answer: string) => {
      await page.getByRole('button', { name: verb, exact: true }).click()
      await page.getByRole('button', { name: answer, exact: true }).click()
    }
    await state('paused')
    await page.screenshot({ path: join(pictures, 'rollout.png') })
    await tell('Promote', 'Promote it')
    await page.getByText('2 of 2 have v2').waitFor()
    const ended = page.locator('h1 + .badge', { hasText: /done|paused/ }) // so few rows show little of the loss
    await ended.waitFor()
    if ((await ended.textContent()) === 'paused') await tell('Promote', 'Promote it')
    await state('done')
    await tell('Undo', 'Undo it')
    await state('undone')
    await page.getByText('0 of 2 have v2').waitFor()

    await page.goto(`${fleet.url}/#/audit`)
    await page.getByRole('button', { name: 'Verify' }).click()
    await page.getByText(/It is: \d+ lines, each follows from the one before/).waitFor()

    expect(browser.faults).toEqual([])
    await fleet.restartCoordinator()
    await page.goto(`${fleet.url}/#/fleet`)
    await page.locator('td .badge', { hasText: 'connected' }).nth(1).waitFor()

    const pages = [
      ['runs', 'Runs'],
      ['runs/seen-1', 'seen-1'],
      ['runs/seen-1/rounds/1', 'Round 1'],
      ['runs/new', 'Start a run'],
      ['fleet', 'Fleet'],
      ['fleet/site-0', 'site-0'],
      ['rollouts', 'Rollouts'],
      ['rollouts/rollout-1', 'v1 → v2'],
      ['rollouts/new', 'Roll a release out'],
      ['releases', 'Releases'],
      ['releases/v2', 'v2'],
      ['releases/compare/v1/v2', 'v1 and v2'],
      ['privacy', 'Privacy'],
      ['access', 'Access'],
      ['audit', 'Audit'],
    ] as const
    const found: string[] = []
    for (const [path, name] of pages) {
      await page.goto(`${fleet.url}/#/${path}`)
      await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
      const asking = page.locator('main .faint', { hasText: 'Asking the coordinator' })
      await expect.poll(() => asking.count(), { interval: 20, timeout: 10_000 }).toBe(0)
      for (const [size, colorScheme] of [
        ['phone', 'light'],
        ['desktop', 'dark'],
      ] as const) {
        await page.setViewportSize(sizes[size])
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: join(pictures, `${path.replaceAll('/', '-')}-${size}.png`) })
        for (const what of await hindrances(page)) found.push(`${path}, ${size}, ${colorScheme}: ${what}`)
      }
    }
    expect(found).toEqual([])

    const hostile = 'note=<img src=x onerror=alert(1)>'
    await fleet.operate('agents', 'label', 'site-0', hostile)
    await page.goto(`${fleet.url}/#/access`)
    await page.getByText('good for 364 days').waitFor()
    await page.getByLabel('Name of the person').fill('ada')
    await page.getByLabel('Name of the person').press('Enter')
    await page.getByText('The token of ada, viewer.').waitFor()
    await page.screenshot({ path: join(pictures, 'token.png'), fullPage: true })
    const token = (await page.locator('.command code').first().textContent()) ?? ''
    await page.goto(`${fleet.url}/#/runs`)
    await heading('Runs')
    await page.goto(`${fleet.url}/#/access`)
    await page.getByRole('button', { name: 'Revoke the token of ada' }).waitFor()
    expect(await page.getByText(token).count()).toBe(0)
    const viewer = await browser.open()
    await viewer.goto(fleet.url)
    const field = viewer.getByLabel(/^Operator token/)
    await field.fill(token)
    await field.press('Enter')
    await viewer.getByRole('heading', { level: 1, name: 'Runs' }).waitFor()
    await viewer.getByRole('link', { name: 'seen-1' }).waitFor()
    expect(await viewer.getByText('Start a run').count()).toBe(0)
    await viewer.goto(`${fleet.url}/#/fleet/site-0`)
    await viewer.getByRole('heading', { level: 1, name: 'site-0' }).waitFor()
    await viewer.getByText(hostile, { exact: true }).waitFor()
    expect(await viewer.locator('main button, img').count()).toBe(0)
    await viewer.goto(`${fleet.url}/#/access`)
    await viewer.getByText('good for 364 days').waitFor()
    expect(await viewer.getByRole('button', { name: /Make|Revoke/ }).count()).toBe(0)
    expect(browser.faults.filter((text) => !text.includes('ERR_CONNECTION_REFUSED'))).toEqual([]) // of the restart
    await page.getByRole('button', { name: 'Revoke the token of ada' }).click()
    await page.getByRole('button', { name: 'Take it away' }).click()
    await page.getByText('ada operates no longer.').waitFor()
    await viewer.goto(`${fleet.url}/#/runs`)
    await viewer.getByLabel(/^Operator token/).waitFor()
  },
)
