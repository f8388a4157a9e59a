import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodePng, type RgbaImage } from '../../raster/png.js'
import { escapeMarkup } from '../escape-markup.js'
import { renderSummary, type SummaryTable } from '../html-summary.js'
import { PRODUCT_FILES } from '../layout.js'
import type { Report } from '../report.js'
import { MASK_LAYERS, paintMap, paintMask, rampColour, type PaintedMap } from './inspect-pictures.js'
import type { L2aProduct } from './open-l2a.js'
import { openOnGrid } from './pixel-numbers.js'

/** Longest side of what is drawn, pixels; larger files are read reduced, the nearest pixel. */
const LONGEST = 1000
const WIDTH = 1100
const SIDE = 500
const RIGHT = 560
const AIR_NO_DATA = -32768

/**
 * One HTML page without anything outside it: picture, mask over it, maps of AOT and water vapour with their scales, and the atmosphere in numbers.
 * Rejects with PRODUCT_INCOMPLETE, RASTER_UNREADABLE where a file is missing or cut.
 */
export async function drawInspectPage(product: L2aProduct, report: Report): Promise<string> {
  const quicklook = await readFile(join(product.folder, PRODUCT_FILES.quicklook)).catch(() => null)
  const mask = await readSmall(product, PRODUCT_FILES.mask)
  const { image, counts } = paintMask(mask.values, mask.width, mask.height)
  const size = { width: SIDE, height: Math.round((SIDE * mask.height) / mask.width) }
  const picture = quicklook === null ? null : `data:image/png;base64,${quicklook.toString('base64')}`
  const maps: string[] = []
  for (const { file, title, unit } of [
    { file: PRODUCT_FILES.aot, title: 'AOT at 550 nm', unit: 'no unit' },
    { file: PRODUCT_FILES.wv, title: 'Water vapour', unit: 'g/cm2' },
  ]) {
    if (!product.files.has(file)) continue
    const { values, width, height } = await readSmall(product, file)
    const x = maps.length * RIGHT
    maps.push(mapSvg(paintMap(values, width, height, AIR_NO_DATA), { x, ...size }, title, unit))
  }
  const { valid_share, cloud_share, chain, resources, flags, notes } = report
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`
  return renderSummary({
    title: product.name,
    lead: `Surface reflectance of ${product.sensedAt}, made by ${report.processor.name} ${report.processor.version}.`,
    facts: [
      ['valid pixels', percent(valid_share)],
      ['cloud and shadow', cloud_share === null ? 'not known' : percent(cloud_share)],
      ...(chain === undefined ? [] : [['chain', chain.mode] as const]),
      ['wall time', `${resources.wall_s.toFixed(1)} s`],
      ['flags', flags.join(', ') || 'none'],
    ],
    figures: [
      {
        title: 'Picture and mask',
        note: 'Left as it is, right with MASK.tif over it; the first of the colours that fits counts. Shares are of the pixels drawn.',
        svg: maskSvg(picture, image, counts, size),
      },
      ...(maps.length === 0
        ? []
        : [
            {
              title: 'Atmosphere',
              note: 'Colours from the least to the greatest value of the image.',
              svg: svg(size.height + 84, maps.join('')),
            },
          ]),
    ],
    tables: tablesOf(report),
    footer: [
      `Made ${report.created}; ${Object.entries(report.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', ')}.`,
      ...notes,
    ].join(' '),
  })
}

async function readSmall(
  product: L2aProduct,
  file: string,
): Promise<{ readonly width: number; readonly height: number; readonly values: Float64Array }> {
  const { reader } = await openOnGrid(product, file)
  try {
    const factor = Math.max(1, Math.ceil(Math.max(reader.width, reader.height) / LONGEST))
    const width = Math.ceil(reader.width / factor)
    const height = Math.ceil(reader.height / factor)
    const values = new Float64Array(width * height)
    const whole = { x: 0, y: 0, width: reader.width, height: reader.height }
    if (factor === 1) await reader.read(0, whole, values)
    else await reader.readReduced(0, whole, width, height, values)
    return { width, height, values }
  } finally {
    reader.close()
  }
}

interface Frame {
  readonly width: number
  readonly height: number
}

const svg = (height: number, body: string): string =>
  `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" font-size="15" fill="currentColor">${body}</svg>`

const text = (x: number, y: number, words: string, anchor = 'start'): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeMarkup(words)}</text>`

/** Pixels stay visible as they are. */
const imageSvg = (href: string, x: number, y: number, { width, height }: Frame, more = ''): string =>
  `<image href="${href}" x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none" style="image-rendering:pixelated"${more}/>`

const dataUri = (image: RgbaImage): string =>
  `data:image/png;base64,${Buffer.from(encodePng(image)).toString('base64')}`

const rgb = (colour: readonly number[]): string => `rgb(${colour.join(',')})`

function maskSvg(
  picture: string | null,
  overlay: RgbaImage,
  counts: readonly number[],
  frame: Frame,
): string {
  const drawn = overlay.width * overlay.height
  const under = (x: number) => (picture === null ? '' : imageSvg(picture, x, 0, frame))
  const legend = MASK_LAYERS.map(({ name, colour }, i) => {
    const x = (i % 2) * RIGHT
    const y = frame.height + 34 + Math.floor(i / 2) * 26
    const share = (((counts[i] ?? 0) / drawn) * 100).toFixed(1)
    return `<rect x="${x}" y="${y - 13}" width="18" height="16" fill="${rgb(colour)}"/>${text(x + 28, y, `${name}: ${share} %`)}`
  })
  const height = frame.height + 34 + Math.ceil(MASK_LAYERS.length / 2) * 26
  return svg(
    height,
    `${under(0)}${under(RIGHT)}${imageSvg(dataUri(overlay), RIGHT, 0, frame, ' opacity="0.75"')}${legend.join('')}`,
  )
}

/** A map with its scale below it: values in thousandths of the unit. */
function mapSvg(
  { image, range }: PaintedMap,
  { x, ...frame }: Frame & { readonly x: number },
  title: string,
  unit: string,
): string {
  const top = frame.height + 42
  const map = imageSvg(dataUri(image), x, 0, frame) + text(x, frame.height + 26, `${title}, ${unit}`)
  if (range === null) return map + text(x, top + 14, 'no pixel has data')
  const { low, high } = range
  const isEven = low === high
  const pieces = 50
  const bar = Array.from({ length: pieces }, (_, i) => {
    const colour = rampColour(isEven ? 0.5 : i / (pieces - 1))
    return `<rect x="${x + (i * frame.width) / pieces}" y="${top}" width="${frame.width / pieces + 0.5}" height="14" fill="${rgb(colour)}"/>`
  }).join('')
  const number = (share: number) => ((low + share * (high - low)) / 1000).toFixed(3)
  const ticks = isEven
    ? text(x + frame.width / 2, top + 32, `${number(0)} everywhere`, 'middle')
    : text(x, top + 32, number(0)) +
      text(x + frame.width / 2, top + 32, number(0.5), 'middle') +
      text(x + frame.width, top + 32, number(1), 'end')
  return map + bar + ticks
}

function tablesOf({ atmosphere, stages }: Report): SummaryTable[] {
  const air: SummaryTable[] = []
  if (atmosphere !== undefined) {
    const { aot, wv, ozone, aerosol } = atmosphere
    const field = (name: string, f: typeof aot) => [
      ...[name, f.origin, f.min, f.mean, f.max],
      f.found_share * 100,
    ]
    air.push({
      title: 'What it was corrected with',
      note: `Aerosol: ${aerosol.value} (${aerosol.origin}).`,
      columns: [
        { label: 'what' },
        { label: 'origin' },
        { label: 'least', digits: 3 },
        { label: 'mean', digits: 3 },
        { label: 'most', digits: 3 },
        { label: 'found in the image', unit: '% of cells', digits: 1 },
      ],
      rows: [
        field('AOT at 550 nm', aot),
        field('water vapour, g/cm2', wv),
        ['ozone, DU', ozone.origin, null, ozone.value, null, null],
      ],
    })
    const tried = Object.entries(aerosol.residuals)
    if (tried.length > 0)
      air.push({
        title: 'Aerosols that were tried',
        note: 'What each leaves unexplained, root of the mean square; and its ratio to that of the default, over the windows of cells in which both say something, with two standard errors. Each counts by its residual in the mean that is taken; where the ratio is below 0.9 with them, the image tells the aerosol.',
        columns: [
          { label: 'aerosol' },
          { label: 'residual', unit: 'reflectance', digits: 5 },
          { label: 'windows', digits: 0 },
          ...['ratio', 'from', 'to'].map((label) => ({ label, digits: 2 })),
        ],
        rows: tried.map(([name, value]) => {
          const { windows = null, ratio = null, low = null, high = null } = aerosol.evidence?.[name] ?? {}
          return [name, value, windows, ratio, low, high]
        }),
      })
  }
  return [
    ...air,
    {
      title: 'Where the time went',
      columns: [
        { label: 'stage' },
        { label: 'wall', unit: 's', digits: 2 },
        { label: 'CPU', unit: 's', digits: 2 },
      ],
      rows: stages.map(({ name, wall_s, cpu_s }) => [name, wall_s, cpu_s ?? null]),
    },
  ]
}
