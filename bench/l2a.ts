import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Report } from '../src/products/report.js'
import { compareLandsatGrids } from './landsat-grids.js'
import { described, emptied, measure, median, type Measured } from './process-tree.js'

export interface L2aBenchOptions {
  readonly rounds: number
  readonly dir: string | null
  readonly pixelSizeM: number
  readonly baseline: string
  /** Also two tiles at once against one after the other. */
  readonly pair: boolean
  /** Instead of all that: a Landsat scene on tiles of its own and another UTM zone. */
  readonly landsat: boolean
}

const root = process.env['TILTH_ROOT'] ?? process.cwd()
const tilth = join(root, 'tilth')

/**
 * A full simulated tile with a DEM and all corrections, `sre` and `fre` written with overviews, beside the floor: decoding all JP2s of the product and encoding
 * the same outputs by two gdal_translate processes. Rounds are interleaved, so that drift of the machine falls on both. Prints medians.
 */
export async function run({
  rounds,
  dir,
  pixelSizeM,
  baseline,
  pair,
  landsat,
}: L2aBenchOptions): Promise<void> {
  const base = dir ?? join(tmpdir(), 'tilth-bench')
  // The launcher builds what is stale, which is no part of any clock.
  await execa(tilth, ['--version'])
  if (landsat) return compareLandsatGrids({ rounds, dir: base, pixelSizeM, tilth })
  const tile = await simulatedTile(join(base, `l1c-${pixelSizeM}m-${baseline}`), pixelSizeM, baseline)
  const work = join(base, 'work')
  const outputs = join(base, 'uncompressed')
  const [floors, ours]: [Measured[], Measured[]] = [[], []]
  let last: Report | undefined
  try {
    for (let round = 1; round <= rounds; round++) {
      emptied(work)
      const own = await measure(tilth, correction(tile, join(work, 'out'), 2))
      const [name] = readdirSync(join(work, 'out'))
      const product = join(work, 'out', name ?? '')
      last = JSON.parse(readFileSync(join(product, 'report.json'), 'utf8')) as Report
      if (round === 1) await uncompress(product, outputs)
      emptied(work)
      const floor = await measure('sh', [join(root, 'bench', 'floor.sh'), tile.safe, outputs, work])
      floors.push(floor)
      ours.push(own)
      console.log(
        `round ${round}: floor ${described(floor)}, l2a ${described(own)}, ${ratios([floor], [own])}`,
      )
    }
    console.log(`median of ${rounds}: ${ratios(floors, ours)}`)
    const peak = Math.max(...ours.map(({ peakTreeMb }) => peakTreeMb))
    console.log(`peak of the process tree ${peak.toFixed(0)} MB (goal <= 3072)`)
    console.log(`scratch ${last?.resources.scratch_mb ?? NaN} MB (goal <= 1024)`)
    for (const { name, wall_s, cpu_s = 0 } of last?.stages ?? [])
      console.log(
        `  ${name.padEnd(12)} ${wall_s.toFixed(1).padStart(6)} s wall ${cpu_s.toFixed(1).padStart(6)} s CPU`,
      )
    if (pair) await comparePair(tile, work)
  } finally {
    for (const folder of [work, outputs]) rmSync(folder, { recursive: true, force: true })
  }
}

interface Tile {
  readonly safe: string
  readonly dem: string
}

async function simulatedTile(folder: string, pixelSizeM: number, baseline: string): Promise<Tile> {
  const found = () =>
    existsSync(folder) ? readdirSync(folder).find((name) => name.endsWith('.SAFE')) : undefined
  if (found() === undefined) {
    mkdirSync(folder, { recursive: true })
    console.log(`simulating one tile of ${pixelSizeM} m pixels, baseline ${baseline}, into ${folder}`)
    const made = await measure(tilth, [
      ...['simulate', '--tile', '31TCJ', '--date', '2025-05-10', '--pixel-size', String(pixelSizeM)],
      ...['--baseline', baseline, '--seed', '1', '--out', folder],
    ])
    console.log(`simulated: ${described(made)}, peak ${made.peakTreeMb.toFixed(0)} MB`)
  }
  const safe = join(folder, found() ?? '')
  const dem = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('DEM.tif'),
  )
  if (dem === undefined) throw new Error(`no DEM.tif below '${folder}': remove the folder, it is made again`)
  const images = readdirSync(safe, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.jp2'))
    .map(({ parentPath, name }) => statSync(join(parentPath, name)).size)
  const megabytes = images.reduce((sum, size) => sum + size, 0) / 1e6
  console.log(`${images.length} JP2 files, ${megabytes.toFixed(0)} MB`)
  return { safe, dem: join(folder, dem) }
}

const correction = ({ safe, dem }: Tile, out: string, threads: number): string[] => [
  ...['l2a', safe, '--out', out, '--threads', String(threads)],
  ...['--dem', dem, '--slopes', 'lambert'],
]

/** What the floor encodes lies decoded beforehand: reading it is no part of encoding. */
async function uncompress(product: string, into: string): Promise<void> {
  emptied(into)
  for (const name of readdirSync(product).filter((file) => file.endsWith('.tif')))
    await execa('gdal_translate', ['-q', '-of', 'GTiff', join(product, name), join(into, name)])
}

/** Two tiles with a thread each at once, and with two threads one after the other. */
async function comparePair(tile: Tile, work: string): Promise<void> {
  emptied(work)
  const turns = ['a', 'b'].map((name) => correction(tile, join(work, name), 2))
  const inTurn = [await measure(tilth, turns[0] ?? []), await measure(tilth, turns[1] ?? [])]
  emptied(work)
  const started = performance.now()
  const sides = ['a', 'b'].map((name) => measure(tilth, correction(tile, join(work, name), 1)))
  const both = await Promise.all(sides)
  const together = (performance.now() - started) / 1000
  const total = inTurn.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0)
  console.log(
    `two tiles: one after the other ${total.toFixed(1)} s, side by side ${together.toFixed(1)} s, ratio ${(together / total).toFixed(2)} (goal <= 1.0), peak ${both.reduce((sum, { peakTreeMb }) => sum + peakTreeMb, 0).toFixed(0)} MB`,
  )
}

function ratios(floors: readonly Measured[], ours: readonly Measured[]): string {
  const of = (get: (measured: Measured) => number) =>
    median(ours.map((own, i) => get(own) / get(floors[i] ?? own))).toFixed(2)
  return `wall ${of((m) => m.wallSeconds)} of the floor (goal <= 1.5), CPU ${of((m) => m.cpuSeconds)} (goal <= 1.8)`
}
