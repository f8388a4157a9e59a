import { execa } from 'execa'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openApp } from '../../app.js'
import { loadConfig } from '../../config/config.js'
import { ProcessingError } from '../../domain/errors.js'
import { replaceOwnFolder } from '../../products/own-folder.js'
import { toLonLat, type Point } from '../../raster/transform.js'
import { simulateLandsat } from '../../simulator/landsat/simulate-landsat.js'
import { simulateL1c } from '../../simulator/simulate-l1c.js'
import { formatTable } from '../queue-options.js'
import { compareBand, type BandError, type ComparedBand } from './compare-with-truth.js'
import { COMPARED_NAMES, OLI_COMPARED, S2_COMPARED } from './compared-bands.js'
import { writeSummary } from './write-summary.js'

export interface DemoOptions {
  readonly dir: string | null
  readonly pixelSizeM: number
  readonly json: boolean
}

export interface DemoRow {
  readonly product: string
  readonly tile: string
  readonly date: string
  /** Processing baseline, or collection. */
  readonly input: string
  readonly folder: string
  /** The simulated product. */
  readonly source: string
  readonly errors: readonly BandError[]
}

const TILES = ['31TCJ', '31TDJ'] as const
/** Atmosphere of each date. The processor is told it: what the demo measures is the correction, not a retrieval. */
const AIR = { aot: 0.15, wv: 2, ozone: 300 } as const
/** Both forms of the format: raster masks with the radiometric offset, GML masks without. */
const ACQUISITIONS = [
  { date: '2025-04-10', baseline: '05.11', platform: 'S2A' },
  { date: '2025-06-14', baseline: '02.09', platform: 'S2B' },
  { date: '2025-08-18', baseline: '05.11', platform: 'S2C' },
] as const
/** A scene over both tiles, in an archive as the USGS delivers it. */
const LANDSAT = { tile: '198030', date: '2025-05-12', platform: 'L8' } as const

interface Simulated {
  readonly tile: string
  readonly date: string
  readonly input: string
  readonly source: string
  readonly truthDir: string
  readonly bands: readonly ComparedBand[]
}

/**
 * The whole main job in a folder of its own with a database of its own: what it runs are the commands that a user would run, and it
 * prints them. Replaces the folder of an earlier demo, and no other. @throws ProcessingError CONFLICT, or of the command that failed.
 */
export async function runDemo({ dir, pixelSizeM, json }: DemoOptions): Promise<void> {
  const started = performance.now()
  const home = dir === null ? join(loadConfig(process.env).home, 'demo') : resolve(dir)
  await replaceOwnFolder(home)
  await mkdir(join(home, 'incoming'))
  const say = (text: string) => {
    process.stderr.write(`${text}\n`)
  }
  say(
    `simulating ${TILES.length} tiles on ${ACQUISITIONS.length} dates with ${pixelSizeM} m pixels, and a Landsat scene`,
  )
  const incoming = join(home, 'incoming')
  const air = { aot: AIR.aot, wv: AIR.wv, ozoneDu: AIR.ozone, seed: 1, outDir: incoming }
  const simulated: Simulated[] = []
  for (const tile of TILES)
    for (const { date, baseline, platform } of ACQUISITIONS) {
      const made = await simulateL1c({ ...air, tile, date, baseline, platform, pixelSizeM })
      const { safePath: source, truthDir } = made
      simulated.push({ tile, date, input: `baseline ${baseline}`, source, truthDir, bands: S2_COMPARED })
    }
  const landsat = await simulateLandsat({
    ...air,
    ...LANDSAT,
    pixelSizeM: 3 * pixelSizeM,
    collection: 2,
    tar: true,
  })
  simulated.push({
    ...{ tile: LANDSAT.tile, date: LANDSAT.date, input: 'collection 2', source: landsat.productPath },
    ...{ truthDir: landsat.truthDir, bands: OLI_COMPARED },
  })
  await writeFile(join(home, 'site.geojson'), JSON.stringify(siteAcrossBothTiles()))

  const env = { ...process.env, TILTH_HOME: home, DATABASE_URL: '' }
  const app = await openApp({ config: loadConfig(env) })
  try {
    const run = async (...args: string[]): Promise<string> => {
      say(`$ tilth ${args.map((a) => (/[^\w./:-]/.test(a) ? `'${a}'` : a)).join(' ')}`)
      const main = join(app.config.programRoot, 'dist', 'src', 'cli', 'main.js')
      const result = await execa(process.execPath, [main, ...args], { env, reject: false })
      if (result.exitCode !== 0) {
        say(result.stderr)
        throw new ProcessingError(
          'INTERNAL',
          `The demo's command 'tilth ${args.join(' ')}' ended with ${String(result.exitCode)}; see above.`,
        )
      }
      return result.stdout
    }
    await run('site', 'add', join(home, 'site.geojson'), '--name', 'Demo fields')
    await run(
      'season',
      'add',
      'demo-fields',
      '2025',
      '--start',
      '2025-03-01',
      '--mid',
      '2025-06-15',
      '--end',
      '2025-10-31',
    )
    await run('tiles', 'set', 'demo-fields', '--only', ...TILES, LANDSAT.tile)
    await run('site', 'split', 'demo-fields', '--by', 'balanced', '2')
    await run('ingest', incoming)
    // These scenes have no light from beside, so none is taken off.
    await run('config', 'set', 'processor.l2a.adjacency', 'false')
    await run(
      'process',
      '--site',
      'demo-fields',
      '--processor',
      'l2a',
      '--aot',
      `${AIR.aot}`,
      '--wv',
      `${AIR.wv}`,
      '--ozone',
      `${AIR.ozone}`,
    )
    await run('up', '--until-idle')
    await run('report', '1', '--out', join(home, 'job.html'))
    const products = JSON.parse(await run('products', '--json')) as {
      name: string
      tile: string
      sensedAt: string
      location: string
    }[]

    const rows: DemoRow[] = []
    for (const product of products) {
      const source = simulated.find((s) => s.tile === product.tile && product.sensedAt.startsWith(s.date))
      if (source === undefined)
        throw new ProcessingError('INTERNAL', `Product ${product.name} belongs to no simulated acquisition.`)
      const folder = join(home, 'archive', product.location.replace(/^archive:/, ''))
      const errors: BandError[] = []
      for (const band of source.bands) errors.push(await compareBand(folder, source.truthDir, band))
      const { tile, date, input } = source
      rows.push({ product: product.name, tile, date, input, folder, source: source.source, errors })
    }
    rows.sort((a, b) => (a.tile === b.tile ? a.date.localeCompare(b.date) : a.tile.localeCompare(b.tile)))
    if (rows.length !== simulated.length)
      throw new ProcessingError(
        'INTERNAL',
        `${simulated.length} acquisitions gave ${rows.length} products. Look at the logs below ${home}/logs.`,
      )
    const seconds = (performance.now() - started) / 1000
    const summary = await writeSummary(home, rows, AIR, seconds)
    if (json) process.stdout.write(`${JSON.stringify({ seconds, summary, products: rows }, null, 2)}\n`)
    else {
      process.stdout.write(
        formatTable(
          ['product', 'input', ...COMPARED_NAMES.map((name) => `RMSE ${name}`)],
          rows.map((row) => [
            row.product,
            row.input,
            ...COMPARED_NAMES.map((name) => row.errors.find((e) => e.name === name)?.rmse.toFixed(4) ?? '-'),
          ]),
        ),
      )
      process.stdout.write(
        `\nRoot mean square error of surface reflectance (unit 1) against the simulator's truth, the atmosphere given.\n`,
      )
      process.stdout.write(`${rows.length} products in ${seconds.toFixed(0)} s. Summary: ${summary}\n`)
    }
  } finally {
    await app.close()
  }
}

/** A field block of 10 x 10 km on the ground that both tiles cover, as GeoJSON. */
function siteAcrossBothTiles(): object {
  const ring: Point[] = [
    [400_200, 4_840_000],
    [409_500, 4_840_000],
    [409_500, 4_850_000],
    [400_200, 4_850_000],
  ]
  const lonLat = toLonLat(32631, ring)
  return { type: 'Polygon', coordinates: [[...lonLat, ...lonLat.slice(0, 1)]] }
}
