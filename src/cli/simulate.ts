import { InvalidArgumentError, type Command } from 'commander'
import { resolve } from 'node:path'

const number = (text: string): number => {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}
const integer = (text: string): number => {
  const value = number(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('Expected a whole number.')
  return value
}

interface Options {
  tile: string
  date: string
  out: string
  pixelSize: number
  baseline: string
  seed: number
  platform: string
  orbit?: number
  aot: number
  wv: number
  ozone: number
  noise: number
  tci?: boolean
  json?: boolean
}

/** `tilth simulate`: Sentinel-2 L1C products of an invented landscape with their truth. */
export function register(program: Command): void {
  program
    .command('simulate')
    .description('make Sentinel-2 L1C products of an invented landscape, each with its truth beside it')
    .requiredOption('--tile <name>', 'Sentinel-2 tile, e.g. 31TCJ')
    .requiredOption('--date <days>', 'one or more days yyyy-mm-dd, separated by commas')
    .requiredOption('--out <dir>', 'folder for the SAFE folders')
    .option(
      '--pixel-size <m>',
      'edge of the finest pixels, 10 to 2000 m; other bands have 2 and 6 times that',
      number,
      10,
    )
    .option(
      '--baseline <NN.NN>',
      'processing baseline; below 04.00 with GML masks and without offset',
      '05.11',
    )
    .option('--seed <n>', 'the landscape: the same seed gives the same bytes', integer, 1)
    .option('--platform <name>', 'S2A, S2B or S2C', 'S2A')
    .option('--orbit <n>', 'relative orbit 1 to 143 (default: the nearest track)', integer)
    .option('--aot <n>', 'aerosol optical thickness at 550 nm above the ground, 0 to 1.4', number, 0.15)
    .option('--wv <g/cm2>', 'water vapour of a column at sea level, 0 to 8 g/cm2', number, 2)
    .option('--ozone <DU>', 'ozone, 100 to 600 DU', number, 300)
    .option('--noise <dn>', 'standard deviation of the sensor noise in digital numbers, 0 to 100', number, 4)
    .option('--tci', 'write the true-colour image too (default: from pixels of 20 m on)')
    .option('--no-tci', 'write no true-colour image')
    .option('--json', 'one JSON object a product on stdout')
    .action(async (options: Options) => {
      const [{ simulateL1c }, { S2_PLATFORMS }, { ProcessingError }, { makeFolder, publishError }] =
        await Promise.all([
          import('../simulator/simulate-l1c.js'),
          import('../domain/sentinel2.js'),
          import('../domain/errors.js'),
          import('../products/publish.js'),
        ])
      const platform = S2_PLATFORMS.find((p) => p === options.platform)
      if (platform === undefined)
        throw new ProcessingError(
          'BAD_ARGUMENT',
          `--platform: expected one of ${S2_PLATFORMS.join(', ')}, found ${options.platform}.`,
        )
      await makeFolder(resolve(options.out)).catch((cause: unknown) => {
        throw publishError(`Making the folder ${options.out}`, cause)
      })
      for (const date of options.date.split(',')) {
        const product = await simulateL1c({
          tile: options.tile,
          date: date.trim(),
          outDir: options.out,
          pixelSizeM: options.pixelSize,
          baseline: options.baseline,
          seed: options.seed,
          platform,
          aot: options.aot,
          wv: options.wv,
          ozoneDu: options.ozone,
          noiseDn: options.noise,
          ...(options.orbit === undefined ? {} : { orbit: options.orbit }),
          ...(options.tci === undefined ? {} : { withTci: options.tci }),
        })
        process.stdout.write(options.json ? `${JSON.stringify(product)}\n` : `${product.safePath}\n`)
      }
    })
}
