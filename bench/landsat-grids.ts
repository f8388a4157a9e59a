import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from '../src/products/report.js'
import { markdownTable } from './markdown-table.js'
import { described, emptied, measure, median, type Measured } from './process-tree.js'

export interface LandsatGridsOptions {
  readonly rounds: number
  /** Where the simulated scene is kept between runs. */
  readonly dir: string
  readonly pixelSizeM: number
  readonly tilth: string
}

/** Path 199, row 29 lies across the border of two UTM zones at 0 degrees and covers nearly all of a Sentinel-2 tile in each; its images are in zone 31. */
const SCENE = '199029'
const GRIDS = [
  { name: 'tile of the same zone (31TCK)', option: ['--grid', 'sentinel2:31TCK'] },
  { name: 'tile of the other zone (30TYQ)', option: ['--grid', 'sentinel2:30TYQ'] },
  { name: 'own grid, whole scene', option: [] },
] as const

interface Delivered extends Measured {
  /** Millions of pixels that have data in every band. */
  readonly megapixels: number
}

/**
 * One simulated Landsat scene on a Sentinel-2 tile of its own UTM zone, on one of the zone beside, and on its own grid, with DEM and all corrections: wall and CPU time of the whole
 * command, in turn. Prints medians, and what a delivered pixel costs across zones over what it costs within.
 */
export async function compareLandsatGrids({
  rounds,
  dir,
  pixelSizeM,
  tilth,
}: LandsatGridsOptions): Promise<void> {
  const folder = join(dir, `landsat-${pixelSizeM}m`)
  const scene = await simulated(folder, pixelSizeM, tilth)
  const work = join(dir, 'work')
  const runs: Delivered[][] = GRIDS.map(() => [])
  try {
    for (let round = 0; round < rounds; round++)
      for (const [i, { option, name }] of GRIDS.entries()) {
        emptied(work)
        const measured = await measure(tilth, [
          ...['l2a', scene, '--out', work, '--threads', '2', ...option],
          ...['--dem', `${scene}.truth/DEM.tif`, '--slopes', 'lambert'],
        ])
        const delivered = { ...measured, megapixels: deliveredMegapixels(work) }
        runs[i]?.push(delivered)
        console.log(
          `round ${round + 1}: ${name}: ${described(measured)}, ${delivered.megapixels.toFixed(2)} Mpx`,
        )
      }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  console.log(tableOf(runs))
  const [within = [], across = []] = runs
  const ratio = (of: (one: Delivered) => number) =>
    median(
      across.map((one, i) => {
        const beside = within[i] ?? one
        return of(one) / one.megapixels / (of(beside) / beside.megapixels)
      }),
    ).toFixed(3)
  console.log(
    `across zones over the same zone, a delivered pixel: wall ${ratio((m) => m.wallSeconds)}, CPU ${ratio((m) => m.cpuSeconds)} (goal < 1.10)`,
  )
}

function tableOf(runs: readonly (readonly Delivered[])[]): string {
  return markdownTable(
    ['grid', 'wall', 'CPU', 'peak', 'Mpx delivered', 'CPU a Mpx'],
    GRIDS.map(({ name }, i) => {
      const of = (get: (one: Delivered) => number) => median((runs[i] ?? []).map(get))
      return [
        name,
        `${of((m) => m.wallSeconds).toFixed(1)} s`,
        `${of((m) => m.cpuSeconds).toFixed(1)} s`,
        `${of((m) => m.peakTreeMb).toFixed(0)} MB`,
        of((m) => m.megapixels).toFixed(2),
        `${of((m) => m.cpuSeconds / m.megapixels).toFixed(2)} s`,
      ]
    }),
  )
}

async function simulated(folder: string, pixelSizeM: number, tilth: string): Promise<string> {
  const found = () =>
    existsSync(folder)
      ? readdirSync(folder).find((name) => name.startsWith('LC08') && !name.includes('.'))
      : undefined
  if (found() === undefined) {
    mkdirSync(folder, { recursive: true })
    console.log(`simulating one Landsat scene of ${pixelSizeM} m pixels into ${folder}`)
    await measure(tilth, [
      ...['simulate', '--satellite', 'landsat', '--tile', SCENE, '--date', '2025-05-12', '--seed', '1'],
      ...['--pixel-size', String(pixelSizeM), '--out', folder],
    ])
  }
  return join(folder, found() ?? '')
}

/** Pixels of the product in `folder` that have data. */
function deliveredMegapixels(folder: string): number {
  const [name = ''] = readdirSync(folder)
  const product = join(folder, name)
  const report = JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')) as Report
  const { assets } = JSON.parse(readFileSync(join(product, 'item.json'), 'utf8')) as {
    assets: Readonly<Record<string, { readonly 'proj:shape'?: readonly [number, number] }>>
  }
  const [rows, columns] = assets['B04_sre']?.['proj:shape'] ?? [NaN, NaN]
  return (report.valid_share * rows * columns) / 1e6
}
