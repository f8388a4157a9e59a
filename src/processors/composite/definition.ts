import { z } from 'zod'
import { defineProcessor, type OutputSpec, type ParamsOf } from '../define-processor.js'

/** Bands of each satellite family: those at the finest pixels, and those of Sentinel-2 at pixels twice as large. */
export const COMPOSITE_BANDS = {
  s2: { fine: ['B02', 'B03', 'B04', 'B08'], coarse: ['B05', 'B06', 'B07', 'B8A', 'B11', 'B12'] },
  landsat: { fine: ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07'], coarse: [] },
} as const satisfies Record<string, { fine: readonly string[]; coarse: readonly string[] }>

const layer = (
  dtype: 'uint8' | 'uint16' | 'int16',
  scale: number,
  unit: string,
  nodata: number | null,
  doc: string,
): OutputSpec => ({
  ...{ dtype, unit, scale, offset: 0, nodata, doc },
})

export const composite = defineProcessor({
  name: 'composite',
  version: 1,
  summary:
    'Weighted mean of the clear reflectances of one tile and satellite family around a day, Sentinel-2 at 10 and 20 m or Landsat at 30 m.',
  source:
    'Weights by date after Hagolle et al. (2018), the WASP processor of Theia, as in the L3A of Sen2Agri. See notes.md.',
  params: z.strictObject({
    half_days: z
      .int()
      .min(1)
      .max(183)
      .default(25)
      .describe(
        'Half of the window: L2A sensed at most so long before or after noon (UTC) of the synthesis day [days].',
      ),
    weight_date_min: z
      .number()
      .min(0.01)
      .max(1)
      .default(0.5)
      .describe(
        'Weight of a date at the edge of the window; on the synthesis day it is 1, linear between [1].',
      ),
  }),
  inputs: {
    bands: {
      kind: 'band',
      unit: '1',
      doc: 'Surface reflectance of each date: corrected for slopes where every date has it, else for flat ground.',
    },
    masks: { kind: 'mask', unit: '1', doc: 'MASK.tif of each date.' },
  },
  outputs: {
    Bxx: layer(
      'int16',
      0.0001,
      '1',
      -32768,
      'Weighted mean reflectance over the dates of the best class of the pixel.',
    ),
    'FLAGS, FLAGS_20M': layer(
      'uint8',
      1,
      '1',
      0,
      'Best class: 0 none, 1 cloud or shadow, 2 snow, 3 water, 4 land.',
    ),
    'WEIGHTS, WEIGHTS_20M': layer(
      'uint16',
      0.01,
      '1',
      0,
      'Sum of the weights of the dates that were averaged.',
    ),
    'DATES, DATES_20M': layer(
      'int16',
      0.01,
      'days',
      -32768,
      'Weighted mean time of those dates, counted from noon (UTC) of the synthesis day.',
    ),
  },
  // Sums of float64 for each band of a block of 1024 x 1024 pixels, for the blocks in flight; small overviews of all files; nothing grows with the dates.
  resources: ({ pixels, threads }) => ({
    cpu: threads,
    memoryMb: Math.ceil(340 + (0.25 * pixels) / 2 ** 20 + 150 * (threads + 1)),
    scratchMb: Math.ceil(32 + (4 * pixels) / 2 ** 20),
    ioWeight: 0.4 * threads,
  }),
  fails: [
    'NOT_FOUND',
    'INPUT_GONE',
    'PRODUCT_UNSUPPORTED',
    'PRODUCT_INCOMPLETE',
    'METADATA_INVALID',
    'RASTER_UNREADABLE',
    'GRID_MISMATCH',
    'NO_VALID_PIXEL',
    'BAD_ARGUMENT',
  ],
})

export type CompositeParams = ParamsOf<typeof composite>
