import { parseAerosolMix } from '../domain/aerosol-mix.js'
import type { PixelNumbers } from '../products/l2a/pixel-numbers.js'
import type { Report } from '../products/report.js'
import { formatTable } from './queue-options.js'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const line = (label: string, value: string): string => `${label.padEnd(12)}${value}\n`

/** What was decided for a product, as text; a section that a product lacks, such as the chain of an imported one, is left out. */
export function formatDecisions(folder: string, report: Report): string {
  const { processor, resources, chain, valid_share, cloud_share, flags, notes, stages, versions } = report
  const { wall_s, cpu_s, peak_rss_mb, threads } = resources
  const took = [
    `${wall_s.toFixed(1)} s wall, ${cpu_s.toFixed(1)} s CPU`,
    ...(threads === undefined ? [] : [`${threads} threads`]),
    peak_rss_mb === null ? 'memory not known' : `${peak_rss_mb.toFixed(0)} MiB at most`,
  ]
  return [
    `${report.product}\n`,
    line('folder', folder),
    line('made', `${report.created} by ${processor.name} ${processor.version}: ${took.join(', ')}`),
    ...report.inputs.map(({ kind, name, detail }) =>
      line('input', `${kind} ${name}${detail === undefined ? '' : ` (${detail})`}`),
    ),
    line(
      'pixels',
      `${percent(valid_share)} valid, of these ${cloud_share === null ? 'an unknown share' : percent(cloud_share)} cloud or shadow`,
    ),
    chain === undefined
      ? ''
      : line(
          'chain',
          `${chain.mode}${chain.previous === null ? '' : `, after ${chain.previous}`}; ground known of ${percent(chain.known_share)} of the cells before, ${percent(chain.known_after_share)} after`,
        ),
    ...(report.coregistration === undefined ? [] : [formatCoregistration(report.coregistration)]),
    line('flags', flags.join(', ') || 'none'),
    ...notes.map((note) => line('note', note)),
    ...(report.atmosphere === undefined ? [] : ['\n', formatAtmosphere(report.atmosphere)]),
    '\n',
    formatTable(
      ['STAGE', 'WALL s', 'CPU s'],
      stages.map((s) => [s.name, s.wall_s.toFixed(2), s.cpu_s === undefined ? '-' : s.cpu_s.toFixed(2)]),
    ),
    '\n',
    ...Object.entries(versions).map(([name, version]) => line(name, version)),
  ].join('')
}

function formatCoregistration(found: NonNullable<Report['coregistration']>): string {
  const { reference, outcome, dx_m, dy_m, residual_m, confidence, agreeing, compared } = found
  const shift = dx_m === null || dy_m === null ? 'no shift found' : `${dx_m} m east, ${dy_m} m north`
  const what = {
    moved: `moved by ${shift}`,
    in_place: `${shift}, too little to be moved`,
    unsure: `${shift}, not moved`,
  }[outcome]
  const residual = residual_m === null ? '' : `, residual ${residual_m} m`
  return line(
    'ground',
    `${what}, onto ${reference}; confidence ${confidence.toFixed(2)} (${agreeing} of ${compared} windows)${residual}`,
  )
}

function formatAtmosphere({ aot, wv, ozone, aerosol }: NonNullable<Report['atmosphere']>): string {
  const field = (name: string, unit: string, f: typeof aot) => [
    ...[name, f.origin, f.min.toFixed(3), f.mean.toFixed(3), f.max.toFixed(3), unit],
    percent(f.found_share),
  ]
  const parts = new Map<string, number>(parseAerosolMix(aerosol.value).map((p) => [p.model, p.weight]))
  // A mix of the image stands beside the residuals that made it; of one that was given there are none.
  const isMixed = parts.size > 1 && [...parts.keys()].every((name) => name in aerosol.residuals)
  const residuals = Object.entries(aerosol.residuals).map(([name, value]) => {
    const { windows, ratio = 1, low = null, high = null } = aerosol.evidence?.[name] ?? {}
    const share = isMixed ? parts.get(name) : undefined
    const bound = (of: number | null) => (of === null ? '' : ((value * of) / ratio).toFixed(5))
    return [
      ...[
        `  ${name}`,
        share === undefined ? '' : percent(share),
        bound(low),
        value.toFixed(5),
        bound(high),
        'reflectance unexplained',
      ],
      windows === undefined ? '' : `${windows} windows`,
    ]
  })
  return formatTable(
    ['ATMOSPHERE', 'ORIGIN', 'LEAST', 'MEAN', 'MOST', 'UNIT', 'FOUND IN'],
    [
      field('AOT 550 nm', '1', aot),
      field('water vapour', 'g/cm2', wv),
      ['ozone', ozone.origin, '-', ozone.value.toFixed(0), '-', 'DU', '-'],
      ['aerosol', aerosol.origin, '-', isMixed ? `mix of ${parts.size}` : aerosol.value, '-', '-', '-'],
      ...residuals,
    ],
  )
}

/** The numbers of one pixel, as text. */
export function formatPixel(pixel: PixelNumbers): string {
  const { x, y, epsg, lon, lat, column, row, mask, scene_class } = pixel
  const rows = [...pixel.reflectance, ...pixel.uncertainty, ...pixel.atmosphere, ...pixel.angles].map((n) => [
    n.file.replace(/\.tif$/, ''),
    String(n.stored),
    n.value === null ? 'no data' : String(n.value),
    n.unit,
  ])
  return [
    line('place', `(${x}, ${y}) m of EPSG:${epsg}, ${lon.toFixed(6)} ${lat.toFixed(6)} degrees`),
    line('pixel', `column ${column}, row ${row} of the finest grid, from 0`),
    line('mask', `${mask.stored}: ${mask.bits.join(', ') || 'no bit set'}`),
    scene_class === null ? '' : line('class', `${scene_class.stored}: ${scene_class.name}`),
    '\n',
    formatTable(['FILE', 'STORED', 'VALUE', 'UNIT'], rows),
  ].join('')
}
