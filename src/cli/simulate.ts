import { Option, type Command } from 'commander'
import { resolve } from 'node:path'
import { finiteNumber, wholeNumber } from './numbers.js'

const noise = (text: string) => (text === 'sensor' ? text : finiteNumber(text))
const snow = (text: string) => (text === 'none' || text === 'season' ? text : finiteNumber(text))
interface Options {
  satellite: string
  tile: string
  date: string
  out: string
  pixelSize?: number
  baseline: string
  collection: number
  tar?: boolean
  seed: number
  platform?: string
  orbit?: number
  aot: number
  wv: number
  ozone: number
  airVariation: number
  clouds: number
  cirrus: number
  noise?: number | 'sensor'
  snow: 'none' | 'season' | number
  parcels?: string
  parcelShare: number
  tci?: boolean
  json?: boolean
}

const SATELLITES = ['s2', 'landsat'] as const

/** `tilth simulate`: Sentinel-2 L1C and Landsat L1TP products of an invented landscape with their truth. */
export function register(program: Command): void {
  program
    .command('simulate')
    .description(
      'make Sentinel-2 L1C or Landsat-8/9 L1TP products of an invented landscape, each with its truth beside it',
    )
    .addOption(new Option('--satellite <name>', 'what is simulated').choices(SATELLITES).default('s2'))
    .requiredOption('--tile <name>', 'Sentinel-2 tile such as 31TCJ, or WRS-2 path and row such as 198030')
    .requiredOption('--date <days>', 'one or more days yyyy-mm-dd, separated by commas')
    .requiredOption('--out <dir>', 'folder for the products')
    .option(
      '--pixel-size <m>',
      'edge of the finest Sentinel-2 pixels, 10 to 2000 m (others have 2 and 6 times that; default 10), or of the reflective Landsat pixels, 30 to 3000 m (default 30)',
      finiteNumber,
    )
    .option('--seed <n>', 'the landscape: the same seed gives the same bytes', wholeNumber, 1)
    .option('--platform <name>', 'S2A, S2B, S2C, L8 or L9 (default: S2A, L8)')
    .option('--aot <n>', 'aerosol optical thickness at 550 nm above the ground, 0 to 1.4', finiteNumber, 0.15)
    .option('--wv <g/cm2>', 'water vapour of a column at sea level, 0 to 8 g/cm2', finiteNumber, 2)
    .option('--ozone <DU>', 'ozone, 100 to 600 DU', finiteNumber, 300)
    .option(
      '--air-variation <n>',
      'largest relative deviation of aerosol and vapour over some tens of km, 0 to 0.9',
      finiteNumber,
      0,
    )
    .option(
      '--clouds <n>',
      'share of the sky under water clouds, 0 to 1; every day has its own',
      finiteNumber,
      0,
    )
    .option('--cirrus <n>', 'share of the sky under cirrus, 0 to 1', finiteNumber, 0)
    .option('--snow <none|season|m>', 'snow by the season, or above this altitude in metres', snow, 'none')
    .option(
      '--noise <dn|sensor>',
      "standard deviation of the noise in digital numbers, 0 to 100, or the sensor's published noise (default: 4 for Sentinel-2, sensor for Landsat)",
      noise,
    )
    .option('--json', 'one JSON object a product on stdout')
    .optionsGroup('Sentinel-2 only:')
    .option(
      '--baseline <NN.NN>',
      'processing baseline; below 04.00 with GML masks and without offset',
      '05.11',
    )
    .option('--orbit <n>', 'relative orbit 1 to 143 (default: the nearest track)', wholeNumber)
    .option('--parcels <file>', "also write a field survey of the first date's year as GeoJSON")
    .option(
      '--parcel-share <n>',
      'share of the parcels in the survey, 0 to 1; a quarter of them for validation',
      finiteNumber,
      0.02,
    )
    .option('--tci', 'write the true-colour image too (default: from pixels of 20 m on)')
    .option('--no-tci', 'write no true-colour image')
    .optionsGroup('Landsat only:')
    .option('--collection <n>', 'USGS collection, 1 or 2', wholeNumber, 2)
    .option('--tar', 'one tar (collection 1: tar.gz) instead of a folder')
    .action(async (options: Options) => {
      const [{ makeFolder, publishError }] = await Promise.all([import('../products/publish.js')])
      await makeFolder(resolve(options.out)).catch((cause: unknown) => {
        throw publishError(`Making the folder ${options.out}`, cause)
      })
      if (options.parcels !== undefined) await writeParcels(options, options.parcels)
      for (const date of options.date.split(',')) {
        const { path, product } = await (options.satellite === 'landsat' ? landsat : sentinel2)(
          options,
          date.trim(),
        )
        process.stdout.write(options.json ? `${JSON.stringify(product)}\n` : `${path}\n`)
      }
    })
}

async function writeParcels(options: Options, file: string): Promise<void> {
  const [{ surveyParcels }, { writeFile }, { ProcessingError }] = await Promise.all([
    import('../simulator/parcels.js'),
    import('node:fs/promises'),
    import('../domain/errors.js'),
  ])
  if (options.satellite !== 's2')
    throw new ProcessingError('BAD_ARGUMENT', '--parcels: a survey is made for a Sentinel-2 tile.')
  const survey = surveyParcels({
    tile: options.tile,
    year: Number(options.date.slice(0, 4)),
    seed: options.seed,
    share: options.parcelShare,
    validation: 0.25,
  })
  await writeFile(file, `${JSON.stringify(survey)}\n`).catch((cause: unknown) => {
    throw new ProcessingError('WRITE_FAILED', `${file} could not be written: ${String(cause)}`, { cause })
  })
}

/** Of both satellites. */
const common = (options: Options, date: string) => ({
  tile: options.tile,
  date,
  outDir: options.out,
  seed: options.seed,
  aot: options.aot,
  wv: options.wv,
  ozoneDu: options.ozone,
  airVariation: options.airVariation,
  cloudCover: options.clouds,
  cirrus: options.cirrus,
  snow: options.snow,
  ...(options.noise === undefined ? {} : { noiseDn: options.noise }),
})

async function sentinel2(options: Options, date: string) {
  const [{ simulateL1c }, { S2_PLATFORMS }] = await Promise.all([
    import('../simulator/simulate-l1c.js'),
    import('../domain/sentinel2.js'),
  ])
  const product = await simulateL1c({
    ...common(options, date),
    pixelSizeM: options.pixelSize ?? 10,
    baseline: options.baseline,
    platform: await oneOf(S2_PLATFORMS, '--platform', options.platform ?? 'S2A'),
    ...(options.orbit === undefined ? {} : { orbit: options.orbit }),
    ...(options.tci === undefined ? {} : { withTci: options.tci }),
  })
  return { path: product.safePath, product }
}

async function landsat(options: Options, date: string) {
  const [{ simulateLandsat }, { LANDSAT_PLATFORMS }] = await Promise.all([
    import('../simulator/landsat/simulate-landsat.js'),
    import('../simulator/landsat/oli.js'),
  ])
  const collection = await oneOf(['1', '2'] as const, '--collection', String(options.collection))
  const product = await simulateLandsat({
    ...common(options, date),
    pixelSizeM: options.pixelSize ?? 30,
    collection: collection === '1' ? 1 : 2,
    tar: options.tar === true,
    platform: await oneOf(LANDSAT_PLATFORMS, '--platform', options.platform ?? 'L8'),
  })
  return { path: product.productPath, product }
}

async function oneOf<T extends string>(allowed: readonly T[], option: string, found: string): Promise<T> {
  const value = allowed.find((a) => a === found)
  if (value !== undefined) return value
  const { ProcessingError } = await import('../domain/errors.js')
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `${option}: expected one of ${allowed.join(', ')}, found ${found}.`,
  )
}
