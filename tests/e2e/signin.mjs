// Drives the sign-in and consent page in Chromium, as a person whose assistant
// opened it. Arguments: BASE SLUG EMAIL PASSWORD, and a folder for pictures.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const [base, slug, email, password, pictures] = process.argv.slice(2)
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const browser = await chromium.launch({
  executablePath: process.env.MCPGW_TEST_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'],
})

// The client: a loopback listener, registered, with PKCE (RFC 8252, RFC 7636).
const arrivals = []
const client = createServer((req, res) => {
  arrivals.push(new URL(req.url, 'http://127.0.0.1'))
  res.end('done')
})
await new Promise((ready) => client.listen(0, '127.0.0.1', ready))
const redirect = `http://127.0.0.1:${client.address().port}/callback`
const registered = await post(`${base}/t/${slug}/oauth/register`, { client_name: 'Paper <b>Clip</b>', redirect_uris: [redirect] })
const verifier = randomBytes(32).toString('base64url')

async function post(url, body) {
  const res = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  assert.ok(res.ok, `${url}: ${res.status} ${await res.clone().text()}`)
  return res.json()
}

function authorizeURL(over = {}) {
  return `${base}/t/${slug}/oauth/authorize?` + new URLSearchParams({
    response_type: 'code', client_id: registered.client_id, redirect_uri: redirect, state: 'st&te=1', scope: 'mcp',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...over,
  })
}

async function accessible(page, name) {
  // axe runs in an isolated world of the test, past the page's own policy.
  const session = await page.context().newCDPSession(page)
  const { frameTree } = await session.send('Page.getFrameTree')
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id })
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true })
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails))
    return result.value
  }
  await evaluate(axe)
  const found = await evaluate(`axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target).join(' ')))`)
  assert.deepEqual(found, [], `accessibility of ${name}`)
}

async function open(scheme, width, url, script = true) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 900 }, javaScriptEnabled: script })
  const page = await context.newPage()
  const complaints = []
  page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()))
  const response = await page.goto(url)
  return { page, response, complaints }
}

async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true })
}

for (const scheme of ['light', 'dark']) {
  for (const width of [360, 1280]) {
    const name = `signin-${scheme}-${width}`
    const { page, complaints } = await open(scheme, width, authorizeURL())
    assert.ok(await page.getByText('Paper <b>Clip</b>').first().isVisible(), 'names the client, as text')
    const overflow = await page.locator('body').evaluate((b) => document.documentElement.scrollWidth - innerWidth)
    assert.ok(overflow <= 0, `${name} overflows by ${overflow}px`)
    await accessible(page, name)
    await picture(page, name)
    assert.deepEqual(complaints, [], 'the page breaks no policy of its own')
    await page.context().close()
  }
}

{ // a wrong password is told, a right one returns to the client, exactly once
  const { page } = await open('light', 800, authorizeURL())
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in and allow' }).click()
  assert.ok(await page.getByText('Invalid email or password').isVisible())
  await accessible(page, 'wrong password')
  await picture(page, 'wrong-password')
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in and allow' }).click()
  await page.waitForURL(/callback/)
  const answer = arrivals.find((u) => u.pathname === '/callback').searchParams
  assert.equal(answer.get('state'), 'st&te=1')
  assert.equal(answer.get('iss'), `${base}/t/${slug}`)
  const redeem = () => fetch(`${base}/t/${slug}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', code: answer.get('code'), code_verifier: verifier, redirect_uri: redirect, client_id: registered.client_id }),
  })
  const first = await redeem()
  assert.equal(first.status, 200, await first.clone().text())
  assert.equal((await first.json()).token_type, 'bearer')
  assert.equal((await redeem()).status, 400, 'a code works once')
  await page.context().close()
}

{ // saying no, in a browser without script
  arrivals.length = 0
  const { page } = await open('light', 800, authorizeURL(), false)
  await page.getByRole('button', { name: 'Deny' }).click()
  await page.waitForURL(/callback/)
  assert.equal(arrivals.find((u) => u.pathname === '/callback').searchParams.get('error'), 'access_denied')
  await page.context().close()
}

{ // an error is a page too, and goes nowhere
  const { page, response } = await open('dark', 360, authorizeURL({ redirect_uri: 'https://evil.example/cb' }))
  assert.equal(response.status(), 400)
  assert.ok(await page.getByText('redirect_uri').first().isVisible())
  await accessible(page, 'error')
  await picture(page, 'error')
  await page.context().close()
}

{ // the API reference loads nothing from elsewhere and breaks no policy
  const { page, complaints } = await open('light', 1280, `${base}/docs`)
  await accessible(page, 'docs')
  await picture(page, 'docs')
  assert.deepEqual(complaints, [])
  await page.context().close()
}

await browser.close()
client.close()
console.log('browser tests passed')
