import fc from 'fast-check'
import { expect, test } from 'vitest'
import { renderSummary } from '../../src/products/html-summary.js'

const empty = { title: 'Demo', products: [], tables: [] }

test('text from outside cannot become markup', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const html = renderSummary({
        ...empty,
        title: text,
        lead: text,
        facts: [[text, text]],
        products: [{ name: text, caption: text, quicklook: 'q.png', folder: 'f' }],
        tables: [{ title: text, note: text, columns: [{ label: text, unit: text }], rows: [[text]] }],
        footer: text,
      })
      const plain = renderSummary({
        ...empty,
        title: 'x',
        lead: 'x',
        facts: [['x', 'x']],
        products: [{ name: 'x', caption: 'x', quicklook: 'q.png', folder: 'f' }],
        tables: [{ title: 'x', note: 'x', columns: [{ label: 'x', unit: 'x' }], rows: [['x']] }],
        footer: 'x',
      })
      const tags = (page: string): string[] =>
        page.match(/<[^>]*>/g)!.map((tag) => tag.replace(/alt="[^"]*"/, ''))
      expect(tags(html)).toEqual(tags(plain))
    }),
  )
})

test('links lead nowhere but below the page', () => {
  const page = (link: string): string =>
    renderSummary({ ...empty, products: [{ name: 'P', quicklook: link, folder: link }] })
  for (const bad of [
    'javascript:alert(1)',
    'https://example.org/x.png',
    '/etc/passwd',
    '//example.org/x',
    'data:text/html;base64,AAAA',
    '',
  ])
    expect(page(bad)).not.toMatch(/<img|<a /)
  expect(page('archive/a b/q#1.png')).toContain('src="archive/a%20b/q%231.png"')
  expect(page('data:image/png;base64,AAAA')).toContain('src="data:image/png;base64,AAAA"')
})

test('numbers have the digits of their column, missing ones are a dash', () => {
  const html = renderSummary({
    ...empty,
    tables: [
      {
        title: 'Errors',
        columns: [{ label: 'Band' }, { label: 'RMS', digits: 4 }],
        rows: [
          ['B02', -0.00123],
          ['B03', null],
          ['B04', NaN],
        ],
      },
    ],
  })
  expect(html).toContain('<td class="n">&minus;0.0012</td>')
  expect(html.match(/&ndash;/g)).toHaveLength(2)
})

test('is one page without scripts or fetched parts, also when there is nothing to show', () => {
  const html = renderSummary(empty)
  expect(html).toContain('No products were made.')
  expect(html).not.toMatch(/<script|<link|@import|url\(|https?:/)
  // Void elements closed, every tag must find its partner, innermost first.
  const open: string[] = []
  for (const [, slash, name = ''] of html.matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
    if (['meta', 'img'].includes(name)) continue
    if (slash === '/') expect(open.pop()).toBe(name)
    else open.push(name)
  }
  expect(open).toEqual([])
})
