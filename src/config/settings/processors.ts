import { L2A_BANDS, wrongWithBandChoice } from '../../domain/band-choice.js'
import { AEROSOL_MODELS, wrongWithAerosolMix } from '../../domain/aerosol-mix.js'
import {
  choice,
  flag,
  integer,
  number,
  numberOrAuto,
  OF_PROCESSOR,
  text,
  type SettingDefinition,
} from './define.js'

/** How steps of a processor are scheduled: the same four keys for each of them. `outputMb`: of one product of a full tile. */
const scheduling = <const N extends string>(name: N, threads: number, outputMb: number) => {
  const slots = (key: string, definition: SettingDefinition<number>) => [
    `processor.${name}.${key}`,
    definition,
  ]
  return Object.fromEntries([
    slots(
      'max_parallelism',
      integer({
        ...{ unit: 'steps', min: 0, max: 4096, default: 0, scopes: OF_PROCESSOR },
        doc: `Steps of ${name} that run at once; 0 = on each host as many as give each its tile_threads_hint, rounded up, and one more where there is a slot for it. The global row limits all sites together, the row of a site that site with all its sub-sites; all hold.`,
      }),
    ),
    slots(
      'tile_threads_hint',
      integer({
        ...{ unit: 'threads', min: 1, max: 256, default: threads, scopes: OF_PROCESSOR },
        doc: `Threads that one step of ${name} would like; it gets fewer when slots are scarce and more when they are free.`,
      }),
    ),
    slots(
      'memory_mb',
      integer({
        ...{ unit: 'MiB', min: 0, max: 1_048_576, default: 0, scopes: OF_PROCESSOR },
        doc: `Memory that one step of ${name} is admitted with, whatever was measured; 0 = what the processor declares for its input, corrected by what such steps have used.`,
      }),
    ),
    slots(
      'output_mb',
      integer({
        ...{ unit: 'MiB', min: 0, max: 1_048_576, default: outputMb, scopes: OF_PROCESSOR },
        doc: `What one product of ${name} is counted with for quotas until one was published; then the mean of the last hundred counts.`,
      }),
    ),
  ]) as unknown as Record<
    `processor.${N}.${'max_parallelism' | 'tile_threads_hint' | 'memory_mb' | 'output_mb'}`,
    SettingDefinition<number>
  >
}

/** How a processor is scheduled, and its parameters. The parameters repeat range and default of its definition: a test compares them. */
export const PROCESSOR_SETTINGS = {
  ...scheduling('l2a', 4, 1500),
  'processor.l2a.engine': choice({
    values: ['own', 'sen2cor', 'maja'],
    default: 'own',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Who corrects: our own method, or Sen2Cor or MAJA where the machines that run steps have them (docs/external.md); of the other parameters only max_cloud counts then.',
  }),
  'processor.l2a.aot': numberOrAuto({
    unit: '1 at 550 nm',
    min: 0,
    max: 2,
    default: 'auto',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Aerosol optical thickness above all ground; auto: found in the image.',
  }),
  'processor.l2a.wv': numberOrAuto({
    unit: 'g/cm2',
    min: 0,
    max: 8,
    default: 'auto',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Water vapour column above sea level; auto: found in the image of Sentinel-2, else the forecast that comes with the product, else 2.',
  }),
  'processor.l2a.ozone': numberOrAuto({
    unit: 'DU',
    min: 100,
    max: 600,
    default: 'auto',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Ozone column; auto: the forecast that comes with the product, else 300.',
  }),
  'processor.l2a.aerosol': text({
    pattern: /^[a-z0-9:.,]+$/,
    check: (value) => value === 'auto' || wrongWithAerosolMix(value) === null,
    range: `auto, ${AEROSOL_MODELS.join(', ')}, or a mix such as continental:0.7,maritime:0.3`,
    default: 'auto',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Aerosol model, after 6S, or models with their shares of the extinction at 550 nm, which add up to 1; auto: the model that explains the image best.',
  }),
  'processor.l2a.dem': text({
    unit: 'm',
    pattern: /^(\/[^\0]*)?$/,
    range: 'an absolute path, or empty',
    default: '',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Elevation for pressure and slopes, a raster or a folder of them, heights above the geoid; the datum that it states is reported; empty = level ground at sea level.',
  }),
  'processor.l2a.bands': text({
    pattern: /^(all|B[0-9A,B]+)$/,
    check: (value) => wrongWithBandChoice(value) === null,
    range: `all, or names out of ${L2A_BANDS.join(',')} between commas`,
    default: 'all',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Bands that get files; names that a sensor lacks are left out, and NDVI, composites and exports need theirs. The other bands are read all the same, for the air, the masks and the chain.',
  }),
  'processor.l2a.adjacency': flag({
    default: false,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Take light that neighbouring ground scattered into the line of sight off each pixel.',
  }),
  'processor.l2a.slopes': choice({
    values: ['none', 'lambert', 'canopy'],
    default: 'lambert',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'With a DEM, how what sloping ground would reflect if it were level is found for `fre`: after Lambert, as a canopy of upright plants, or not at all.',
  }),
  'processor.l2a.nbar': flag({
    default: false,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Write each band as seen from above under a sun that Sentinel-2 and Landsat share, too (`_nbar.tif`).',
  }),
  'processor.l2a.bandpass': choice({
    values: ['none', 'oli'],
    default: 'none',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Adjust `_nbar.tif` of Sentinel-2 to the bands of OLI (Landsat-8), or not; needs nbar.',
  }),
  'processor.l2a.uncertainty': flag({
    default: false,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Write the standard deviation of each band beside it (`_sigma.tif`).',
  }),
  'processor.l2a.mode': choice({
    values: ['auto', 'init', 'nominal', 'backward'],
    default: 'auto',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'How a date begins in its chain: with the state that the date before left (nominal), with one built from the dates that follow (backward), with none (init); auto: the first of these that is possible.',
  }),
  'processor.l2a.max_state_age': number({
    unit: 'days',
    min: 0,
    max: 90,
    default: 0,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Between a date and the one before whose state it takes, at most; 0 = 15 for Sentinel-2, 30 for Landsat.',
  }),
  'processor.l2a.other_orbits': flag({
    default: false,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Take the state of another orbit of the tile, and flag it, where its own orbit has none young enough.',
  }),
  'processor.l2a.backward_dates': integer({
    unit: 'dates',
    min: 0,
    max: 20,
    default: 8,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Following dates that a backward start reads; 0 = auto never goes backward.',
  }),
  'processor.l2a.max_cloud': number({
    unit: '%',
    min: 0,
    max: 100,
    default: 90,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Cloud and shadow over the valid pixels beyond which a date leaves no product.',
  }),
  'processor.l2a.cloud_dilation': number({
    unit: 'm',
    min: 0,
    max: 2000,
    default: 120,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'How far bit 0 of MASK.tif reaches around clouds; half of it around shadows.',
  }),
  'processor.l2a.cloud_mask': text({
    unit: '-',
    pattern: /^(\/[^\0]*)?$/,
    range: 'an absolute path, or empty',
    default: '',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Raster of clouds that somebody else found, not 0 is cloud; added to our own; empty = none.',
  }),
  'processor.l2a.coregister': text({
    unit: '-',
    pattern: /^(\/[^\0]*)?$/,
    range: 'an absolute path, or empty',
    default: '',
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'L2A product on whose ground images are laid, or a folder with one for each tile; empty = as delivered.',
  }),
  ...scheduling('ndvi', 2, 350),
  'processor.ndvi.min_sum': number({
    unit: '1',
    min: 0.0001,
    max: 2,
    default: 0.01,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Where the reflectances of red and near infrared together are less, NDVI is no-data.',
  }),
  ...scheduling('composite', 4, 1800),
  'processor.composite.half_days': integer({
    unit: 'days',
    min: 1,
    max: 183,
    default: 25,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Half of the window of a composite: dates at most so long before or after its day.',
  }),
  'processor.composite.weight_date_min': number({
    unit: '1',
    min: 0.01,
    max: 1,
    default: 0.5,
    scopes: OF_PROCESSOR,
    effect: 'job',
    doc: 'Weight of a date at the edge of the window of a composite; in its middle it is 1.',
  }),
} as const satisfies Record<string, SettingDefinition>
