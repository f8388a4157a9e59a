import { XMLParser } from 'fast-xml-parser'
import { expect, test } from 'vitest'
import { renderGantt } from '../../src/products/gantt.js'

const parser = new XMLParser({
  ignoreAttributes: false,
  isArray: (name) => name === 'rect' || name === 'text',
})
/** Tags that are not closed, or closed in the wrong order; none in well-formed XML. */
function openTags(svg: string): string[] {
  const open: string[] = []
  for (const [, end, name = '', self] of svg.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g))
    if (end === '/' && open.at(-1) === name) open.pop()
    else if (self !== '/') open.push(name)
  return open
}
type Rect = Readonly<Record<string, string>>
const rects = (svg: string) =>
  (parser.parse(svg) as { svg: { rect: Rect[] } }).svg.rect.filter((r) => r['title'] !== undefined)

test('bars lie where their seconds are: half of the span is half of the width', () => {
  const svg = renderGantt(
    [
      {
        label: 'one',
        bars: [
          { kind: 'queued', fromS: 0, toS: 50, title: 'waits' },
          { kind: 'succeeded', fromS: 50, toS: 100, title: 'runs' },
        ],
      },
    ],
    100,
  )
  expect(openTags(svg)).toEqual([])
  const [wait, run] = rects(svg)
  expect(Number(wait!['@_width'])).toBeCloseTo(Number(run!['@_width']), 1)
  expect(Number(wait!['@_x']) + Number(wait!['@_width'])).toBeCloseTo(Number(run!['@_x']), 1)
  // Waiting is thin, running is thick.
  expect(Number(wait!['@_height'])).toBeLessThan(Number(run!['@_height']))
})

test('labels and titles cannot leave their place', () => {
  const hostile = '</text><script>alert(1)</script>"&'
  const svg = renderGantt([{ label: hostile, bars: [{ kind: 'runs', fromS: 0, toS: 1, title: hostile }] }], 1)
  expect(openTags(svg)).toEqual([])
  expect(svg).not.toContain('<script')
})

test.each([0, 1e-6, 7, 70, 4000, 90_000, 3e6])(
  'a span of %s s is drawn without NaN and with some ticks',
  (span) => {
    const svg = renderGantt(
      [{ label: 'x', bars: [{ kind: 'failed', fromS: 0, toS: span, title: 'x' }] }],
      span,
    )
    expect(openTags(svg)).toEqual([])
    expect(svg).not.toMatch(/NaN|Infinity/)
    expect(svg.match(/text-anchor="middle"/g)!.length).toBeLessThan(14)
  },
)
