import { Option, type Command } from 'commander'
import { ERROR_CODES, EXIT, ProcessingError } from '../domain/errors.js'
import type { TileSquare } from '../domain/mgrs.js'
import { BANDPASSES, CHAIN_MODES, ENGINES, SLOPE_MODES } from '../processors/l2a/definition.js'
import { LAYOUTS, type Layout } from '../products/layouts/export-facts.js'
import type { LonLatBox } from '../runner/l2a/crop-scene.js'
import type { CorrectedDates } from '../runner/l2a/correct-dates.js'
import { runFileForm, withFileFormOptions, type FileFormOptions } from './file-form.js'
import { AEROSOL_MODELS } from '../domain/aerosol-mix.js'
import { registerInspect } from './l2a-inspect.js'
import { aerosolMix, autoOr, bandChoice, lonLatBox, numberIn, targetGrid, wholeNumberIn } from './numbers.js'

interface L2aCliOptions extends FileFormOptions {
  readonly engine?: string
  readonly aot?: number | 'auto'
  readonly wv?: number | 'auto'
  readonly ozone?: number | 'auto'
  readonly aerosol?: string
  readonly auxiliary?: string
  readonly dem?: string
  readonly adjacency: boolean
  readonly demError?: number
  readonly slopes?: string
  readonly nbar: boolean
  readonly uncertainty: boolean
  readonly bandpass?: string
  readonly bands?: string
  readonly grid?: TileSquare
  readonly bbox?: LonLatBox
  readonly coregister?: string
  readonly previous?: string
  readonly mode?: string
  readonly backwardDates?: number
  readonly maxStateAge?: number
  readonly otherOrbits?: boolean
  readonly maxCloud?: number
  readonly cloudMask?: string
  readonly cloudDilation?: number
  readonly layout?: Layout
  readonly memory?: number
}

export function register(program: Command): void {
  const command = program
    .command('l2a')
    .description(
      'correct Sentinel-2 L1C or Landsat-8/9 L1TP products to surface reflectance, one or a folder of dates; needs no database',
    )
    .argument(
      '<product>',
      'product folder, or a zip or tar with one (unpacked to the scratch root meanwhile); or a folder with several of them: corrected in order of time, each with the state of the date before in --out; what lies there already is left as it is, unless --force',
    )
    .addOption(
      new Option(
        '--engine <name>',
        'who corrects: own, or an installed Sen2Cor or MAJA, of which $TILTH_HOME/external.json tells (default: own)',
      ).choices(ENGINES),
    )
    .option(
      '--aot <value>',
      'aerosol optical thickness at 550 nm above ground, 0..2, or auto: found in the image (default: auto)',
      autoOr(numberIn(0, 2)),
    )
    .option(
      '--wv <value>',
      'water vapour of the column above sea level, 0..8 g/cm2, or auto: found in the image of Sentinel-2, else the forecast given or in the product, else 2 (default: auto)',
      autoOr(numberIn(0, 8, 'g/cm2')),
    )
    .option(
      '--ozone <value>',
      'ozone of the column above sea level, 100..600 DU, or auto: the forecast given or in the product, else 300 (default: auto)',
      autoOr(numberIn(100, 600, 'DU')),
    )
    .option(
      '--aerosol <mix>',
      `auto: by the kinds of CAMS where a forecast tells them, else the mean of those that the image does not speak against, continental-average where it says nothing; ${AEROSOL_MODELS.join(', ')}, or shares of the extinction at 550 nm: continental:0.7,maritime:0.3 (default: auto)`,
      autoOr(aerosolMix),
    )
    .option(
      '--auxiliary <path>',
      'forecast or reanalysis of CAMS or ERA5, GRIB or NetCDF, or a folder of them whose names have the day in them; goes before the forecast in a Sentinel-2 product',
    )
    .option(
      '--dem <path>',
      'elevation in m above the EGM2008 geoid, any GDAL raster or a folder of them; level ground at sea level without',
    )
    .option(
      '--dem-error <m>',
      'how far heights of the DEM are off against those around them, standard deviation, 0..50 m: slopes of ground that is no rougher are those of a plane over 240 m (default: 2)',
      numberIn(0, 50, 'm'),
    )
    .option('--no-adjacency', 'leave in what neighbouring ground scattered into the line of sight')
    .addOption(
      new Option(
        '--slopes <law>',
        'how slopes reflect, for the files _fre.tif, which a DEM brings: after Lambert, as a canopy of upright plants, or none (default: lambert)',
      ).choices(SLOPE_MODES),
    )
    .option(
      '--nbar',
      'write each band as seen from above under a sun that Sentinel-2 and Landsat share, too: files _nbar.tif',
      false,
    )
    .addOption(
      new Option(
        '--bandpass <sensor>',
        'with --nbar: adjust these files to the bands of OLI (Landsat-8), as HLS does (default: none)',
      ).choices(BANDPASSES),
    )
    .option(
      '--bands <list>',
      'bands that get files, such as B02,B03,B04,B08; the others are read all the same, for air, masks and chain (default: all)',
      bandChoice,
    )
    .option(
      '--grid <grid>',
      'sentinel2:TILE, such as sentinel2:31TCJ: Landsat on the grid of that Sentinel-2 tile, with its own pixels of 30 m, resampled once, across UTM zones too (default: its own grid)',
      targetGrid,
    )
    .option(
      '--memory <mb>',
      'resident memory that one product may take, 256..1048576 MiB: as many of --threads as fit, then the largest blocks up to --block-size, with the same pixels; MEMORY_TOO_SMALL says what is needed where not even one thread fits (default: as threads and blocks come to)',
      numberIn(256, 1_048_576, 'MiB'),
    )
    .option(
      '--bbox <w,s,e,n>',
      'only the part of the scene that holds this box, west,south,east,north in degrees (WGS 84), grown to whole cells of 240 m; air and masks are decided from what is inside (default: all)',
      lonLatBox,
    )
    .option(
      '--coregister <dir>',
      'L2A product on whose ground the image is laid, or a folder with one for each tile: its shift against that is found in near infrared, told, and taken out where windows all over the image agree',
    )
    .option(
      '--uncertainty',
      'write the standard deviation of each band beside it, from errors of the atmosphere and noise: files _sigma.tif, with slopes _fre_sigma.tif',
      false,
    )
    .option(
      '--previous <dir>',
      'L2A product of the date before in its chain, whose state is taken: clouds are then seen by change',
    )
    .addOption(
      new Option(
        '--mode <mode>',
        'nominal: a state is needed; init: none is taken; backward: a state made of the dates that follow in the folder, last to first; auto: the first of nominal, backward, init that is possible (default: auto)',
      ).choices(CHAIN_MODES),
    )
    .option(
      '--backward-dates <n>',
      'following dates within 90 days that a backward start of a folder reads, 0..20; auto goes backward only where so many are there, and never with 0 (default: 8)',
      wholeNumberIn(0, 20),
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
    .option(
      '--cloud-mask <raster>',
      'clouds that somebody else found, added to our own: not 0 is cloud; any GDAL raster, the nearest pixel counts',
    )
    .option(
      '--cloud-dilation <m>',
      'how far bit 0 of MASK.tif reaches around clouds, half of it around shadows, 0..2000 m (default: 120)',
      numberIn(0, 2000, 'm'),
    )
    .addOption(
      new Option(
        '--layout <name>',
        'write the layout of another processor in place of ours, as `tilth export` does (default: ours; no other has a state for the next date)',
      ).choices(LAYOUTS),
    )
  registerInspect(command)
  // A subcommand needs no --out, which commander would ask for above it too.
  command.hook('preSubcommand', (self) => {
    self.setOptionValue('out', '')
  })
  withFileFormOptions(command, 512).action(async (product: string, options: L2aCliOptions) => {
    const { correctToFolder } = await import('../runner/l2a/correct-to-folder.js')
    const { findDates } = await import('../runner/l2a/find-dates.js')
    const { correctDates } = await import('../runner/l2a/correct-dates.js')
    const { loadConfig } = await import('../config/config.js')
    const { archiveLimits } = await import('../config/archive-limits.js')
    const { formatDates } = await import('./format-dates.js')
    const config = loadConfig(process.env)
    const result = await runFileForm(
      options,
      async (common) => {
        const wanted = {
          ...common,
          scratch: config.roots.scratch,
          toolsFile: config.toolsFile,
          // No database here: the defaults of the settings hold.
          archiveLimits: archiveLimits({}),
          parameters: parametersOf(options),
          ...(options.grid === undefined ? {} : { onto: options.grid }),
          ...(options.memory === undefined ? {} : { memoryMb: options.memory }),
          ...(options.bbox === undefined ? {} : { bbox: options.bbox }),
        }
        const dates = await findDates(product, { ...wanted, limits: wanted.archiveLimits })
        if (dates === null) {
          refuseForOne(options)
          return correctToFolder({
            ...{ ...wanted, product, previous: options.previous ?? null },
            ...(options.layout === undefined ? {} : { layout: options.layout }),
          })
        }
        refuseForDates(options)
        return correctDates(dates, wanted)
      },
      (made) => ('dates' in made ? formatDates(made) : `${made.folder}\n`),
    )
    if ('dates' in result) process.exitCode = exitOf(result)
  })
}

/** Only what the user gave. */
const parametersOf = (options: L2aCliOptions): Record<string, unknown> => ({
  ...(options.engine === undefined ? {} : { engine: options.engine }),
  ...(options.aot === undefined ? {} : { aot: options.aot }),
  ...(options.wv === undefined ? {} : { wv: options.wv }),
  ...(options.ozone === undefined ? {} : { ozone: options.ozone }),
  ...(options.aerosol === undefined ? {} : { aerosol: options.aerosol }),
  ...(options.auxiliary === undefined ? {} : { auxiliary: options.auxiliary }),
  ...(options.dem === undefined ? {} : { dem: options.dem }),
  ...(options.demError === undefined ? {} : { dem_error: options.demError }),
  ...(options.adjacency ? {} : { adjacency: false }),
  ...(options.slopes === undefined ? {} : { slopes: options.slopes }),
  ...(options.nbar ? { nbar: true } : {}),
  ...(options.bandpass === undefined ? {} : { bandpass: options.bandpass }),
  ...(options.bands === undefined ? {} : { bands: options.bands }),
  ...(options.coregister === undefined ? {} : { coregister: options.coregister }),
  ...(options.uncertainty ? { uncertainty: true } : {}),
  ...(options.mode === undefined ? {} : { mode: options.mode }),
  ...(options.backwardDates === undefined ? {} : { backward_dates: options.backwardDates }),
  ...(options.maxStateAge === undefined ? {} : { max_state_age: options.maxStateAge }),
  ...(options.otherOrbits === undefined ? {} : { other_orbits: options.otherOrbits }),
  ...(options.maxCloud === undefined ? {} : { max_cloud: options.maxCloud }),
  ...(options.cloudMask === undefined ? {} : { cloud_mask: options.cloudMask }),
  ...(options.cloudDilation === undefined ? {} : { cloud_dilation: options.cloudDilation }),
})

/** Options that mean one product. */
function refuseForDates({ previous, layout }: L2aCliOptions): void {
  if (previous !== undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--previous '${previous}': expected one product, found a folder of several, which begin with what lies in --out. Put that product there.`,
    )
  if (layout !== undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--layout ${layout}: expected one product, found a folder of several, of which each needs the state of the one before. Make them without, then use \`tilth export\`.`,
    )
}

/** Options that mean a folder of dates. */
function refuseForOne({ mode, backwardDates }: L2aCliOptions): void {
  if (mode !== 'backward' && backwardDates === undefined) return
  const given = mode === 'backward' ? '--mode backward' : `--backward-dates ${backwardDates ?? ''}`
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `${given}: expected a folder with the dates that follow, found one product. Name the folder that holds them all.`,
  )
}

/** That of the first date that failed. */
function exitOf({ dates }: CorrectedDates): number {
  const failed = dates.find((date) => date.outcome === 'failed')
  return failed?.outcome === 'failed' ? ERROR_CODES[failed.code].exit : EXIT.ok
}
