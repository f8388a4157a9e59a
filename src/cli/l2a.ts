import { Option, type Command } from 'commander'
import { AEROSOL_MODELS } from '../processors/l2a/definition.js'
import { runFileForm, withFileFormOptions, type FileFormOptions } from './file-form.js'
import { numberIn } from './numbers.js'

interface L2aCliOptions extends FileFormOptions {
  readonly aot?: number
  readonly wv?: number
  readonly ozone?: number
  readonly aerosol?: string
  readonly dem?: string
  readonly previous?: string
  readonly mode?: string
  readonly maxStateAge?: number
  readonly otherOrbits?: boolean
  readonly maxCloud?: number
}

export function register(program: Command): void {
  const command = program
    .command('l2a')
    .description(
      'correct one Sentinel-2 L1C or Landsat-8/9 L1TP product to surface reflectance; needs no database',
    )
    .argument(
      '<product>',
      'product folder, or a zip or tar with one (unpacked to the scratch root meanwhile)',
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
    .option(
      '--previous <dir>',
      'L2A product of the date before in its chain, whose state is taken: clouds are then seen by change',
    )
    .addOption(
      new Option(
        '--mode <mode>',
        'nominal: a state is needed; init: none is taken; auto: as --previous is given (default: auto)',
      ).choices(['auto', 'init', 'nominal']),
    )
    .option(
      '--max-state-age <days>',
      'between --previous and this date, at most, 0..90 days; 0: 15 Sentinel-2, 30 Landsat (default: 0)',
      numberIn(0, 90, 'days'),
    )
    .option('--other-orbits', '--previous may be of another orbit; flagged in the report')
    .option(
      '--max-cloud <percent>',
      'cloud and shadow beyond which nothing is made, 0..100 % (default: 90)',
      numberIn(0, 100, '%'),
    )
  withFileFormOptions(command, 512).action(async (product: string, options: L2aCliOptions) => {
    const { correctToFolder } = await import('../runner/l2a/correct-to-folder.js')
    const { loadConfig } = await import('../config/config.js')
    const { archiveLimits } = await import('../config/archive-limits.js')
    await runFileForm(options, (common) =>
      correctToFolder({
        ...common,
        product,
        previous: options.previous ?? null,
        scratch: loadConfig(process.env).roots.scratch,
        // No database here: the defaults of the settings hold.
        archiveLimits: archiveLimits({}),
        parameters: {
          ...(options.aot === undefined ? {} : { aot: options.aot }),
          ...(options.wv === undefined ? {} : { wv: options.wv }),
          ...(options.ozone === undefined ? {} : { ozone: options.ozone }),
          ...(options.aerosol === undefined ? {} : { aerosol: options.aerosol }),
          ...(options.dem === undefined ? {} : { dem: options.dem }),
          ...(options.mode === undefined ? {} : { mode: options.mode }),
          ...(options.maxStateAge === undefined ? {} : { max_state_age: options.maxStateAge }),
          ...(options.otherOrbits === undefined ? {} : { other_orbits: options.otherOrbits }),
          ...(options.maxCloud === undefined ? {} : { max_cloud: options.maxCloud }),
        },
      }),
    )
  })
}
