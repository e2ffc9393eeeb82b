// Drives Firefox for tests/_browsers.py: commands come as JSON lines, and each has one answer.

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const { PACKAGES, FIREFOX } = process.env;
const entry = `${PACKAGES}/node_modules/puppeteer-core/lib/esm/puppeteer/puppeteer-core.js`;
const puppeteer = (await import(pathToFileURL(entry).href)).default;

const browser = await puppeteer.launch({
  browser: 'firefox',
  executablePath: FIREFOX,
  headless: true,
  extraPrefsFirefox: {
    'media.autoplay.default': 0,
    'media.autoplay.blocking_policy': 0,
    // Without a sound card, an AudioContext would never begin.
    'media.cubeb.force_mock_context': true,
    'media.navigator.streams.fake': true,
    'media.navigator.permission.disabled': true,
    // Addresses of this machine as they are: names of mDNS would have to be resolved.
    'media.peerconnection.ice.obfuscate_host_addresses': false,
  },
});
const tabs = new Map();

const commands = {
  async tab({ tab, script, width, height }) {
    const page = await browser.newPage();
    const said = [];
    page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => said.push(String(error)));
    await page.setViewport({ width, height });
    if (script !== '') await page.evaluateOnNewDocument(script);
    tabs.set(tab, { page, said });
  },
  open: ({ tab, url }) => tabs.get(tab).page.goto(url).then(() => null),
  value: ({ tab, expression }) => tabs.get(tab).page.evaluate(expression),
  async until({ tab, expression, ms }) {
    const ends = Date.now() + ms;
    for (;;) {
      const found = await tabs.get(tab).page.evaluate(expression);
      if (found) return found;
      if (Date.now() > ends) throw new Error(`never true: ${expression}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  },
  click: ({ tab, selector }) => tabs.get(tab).page.click(selector),
  type: ({ tab, selector, text }) => tabs.get(tab).page.type(selector, text),
  press: ({ tab, key }) => tabs.get(tab).page.keyboard.press(key),
  said: ({ tab }) => tabs.get(tab).said,
  picture: ({ tab }) => tabs.get(tab).page.screenshot({ encoding: 'base64' }),
  close: ({ tab }) => tabs.get(tab).page.close(),
};

const answer = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);
answer({ version: await browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    answer({ value: (await commands[command.do](command)) ?? null });
  } catch (fault) {
    answer({ fault: String(fault) });
  }
}
await browser.close();
