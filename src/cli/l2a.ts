import { Option, type Command } from 'commander'
import { AEROSOL_MODELS } from '../processors/l2a/definition.js'
import { numberIn, wholeNumberIn } from './numbers.js'

export interface L2aCliOptions {
  readonly out: string
  readonly aot?: number
  readonly wv?: number
  readonly ozone?: number
  readonly aerosol?: string
  readonly dem?: string
  readonly threads?: number
  readonly blockSize: number
  readonly codec: 'deflate' | 'zstd'
  readonly force?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

export function register(program: Command): void {
  program
    .command('l2a')
    .description(
      'correct one Sentinel-2 L1C or Landsat-8/9 L1TP product to surface reflectance; needs no database',
    )
    .argument(
      '<product>',
      'product folder, or a zip or tar with one (unpacked to the scratch root meanwhile)',
    )
    .requiredOption(
      '-o, --out <dir>',
      'folder that gets <dir>/<product name>/ with COGs, item.json, quicklook.png, report.json',
    )
    .option(
      '--aot <value>',
      'aerosol optical thickness at 550 nm above ground, 0..2 (default: 0.1)',
      numberIn(0, 2),
    )
    .option(
      '--wv <value>',
      'water vapour of the column above sea level, 0..8 g/cm2 (default: 2)',
      numberIn(0, 8, 'g/cm2'),
    )
    .option(
      '--ozone <value>',
      'ozone of the column above sea level, 100..600 DU (default: 300)',
      numberIn(100, 600, 'DU'),
    )
    .addOption(
      new Option('--aerosol <model>', 'aerosol model (default: continental)').choices(AEROSOL_MODELS),
    )
    .option('--dem <raster>', 'elevation in m above the EGM2008 geoid, any GDAL raster; sea level without')
    .option('--threads <n>', 'decodes and kernels that run at once (default: CPUs)', wholeNumberIn(1, 256))
    .option(
      '--block-size <px>',
      'edge of a block; a multiple of 512; changes memory, not pixels',
      wholeNumberIn(512, 8192),
      1024,
    )
    .addOption(
      new Option('--codec <name>', 'deflate: any reader; zstd: faster, larger')
        .choices(['deflate', 'zstd'])
        .default('deflate'),
    )
    .option('--force', 'replace a product of the same name in --out')
    .option('--quiet', 'no progress on stderr')
    .option('--json', 'print the result as JSON')
    .action(async (product: string, options: L2aCliOptions) => {
      const { correctToFolder } = await import('../runner/l2a/correct-to-folder.js')
      const { ProgressLine } = await import('./progress-line.js')
      const { interruptible } = await import('./interruptible.js')
      const { loadConfig } = await import('../config/config.js')
      const { archiveLimits } = await import('../config/archive-limits.js')
      const progress = new ProgressLine(options.quiet !== true)
      const result = await interruptible((signal) =>
        correctToFolder({
          product,
          scratch: loadConfig(process.env).roots.scratch,
          // No database here: the defaults of the settings hold.
          archiveLimits: archiveLimits({}),
          out: options.out,
          parameters: {
            ...(options.aot === undefined ? {} : { aot: options.aot }),
            ...(options.wv === undefined ? {} : { wv: options.wv }),
            ...(options.ozone === undefined ? {} : { ozone: options.ozone }),
            ...(options.aerosol === undefined ? {} : { aerosol: options.aerosol }),
            ...(options.dem === undefined ? {} : { dem: options.dem }),
          },
          threads: options.threads ?? null,
          blockSize: options.blockSize,
          codec: options.codec,
          force: options.force === true,
          signal,
          onProgress: (fraction, note) => {
            progress.show(fraction, note)
          },
          onNote: (note) => {
            progress.note(note)
          },
        }),
      ).finally(() => {
        progress.end()
      })
      if (options.json === true) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
      else process.stdout.write(`${result.folder}\n`)
    })
}
