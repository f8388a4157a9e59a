import { z } from 'zod'
import { defineProcessor, type ParamsOf } from '../define-processor.js'

/** Near infrared and red of each satellite family, on one grid. */
export const NDVI_BANDS = {
  s2: { nir: 'B08', red: 'B04' },
  landsat: { nir: 'B05', red: 'B04' },
} as const

export const ndvi = defineProcessor({
  name: 'ndvi',
  version: 1,
  summary:
    'Normalised difference vegetation index of one L2A product, Sentinel-2 at 10 m or Landsat at 30 m.',
  source: 'Rouse et al. (1974), NASA SP-351, vol. 1, p. 309. See notes.md.',
  params: z.strictObject({
    min_sum: z
      .number()
      .min(0.0001)
      .max(2)
      .default(0.01)
      .describe(
        'Where the reflectances of red and near infrared together are less, noise decides: no-data [1].',
      ),
  }),
  inputs: {
    red: {
      kind: 'band',
      unit: '1',
      doc: 'Surface reflectance of B04: corrected for slopes where the product has it, else for flat ground.',
    },
    nir: {
      kind: 'band',
      unit: '1',
      doc: 'The same of B08 (Sentinel-2) or B05 (Landsat), on the grid of the red band.',
    },
    mask: { kind: 'mask', unit: '1', doc: 'MASK.tif of the L2A product, on the same grid.' },
  },
  outputs: {
    NDVI: {
      dtype: 'int16',
      unit: '1',
      scale: 0.0001,
      offset: 0,
      nodata: -32768,
      doc: 'Index from -1 to 1; also under clouds, which MASK.tif tells.',
    },
    MASK: {
      dtype: 'uint16',
      unit: '1',
      nodata: null,
      doc: 'Bits of the L2A product as they are (docs/products.md).',
    },
  },
  // Blocks in flight follow the threads: three images of 1024 x 1024 pixels of two bytes, the index, and what is encoded. One band in 16th of its
  // size is kept for overviews, of two files. The pixels are those of all bands of the acquisition, of which two and the mask are read.
  resources: ({ pixels, threads }) => ({
    cpu: threads,
    memoryMb: Math.ceil(260 + (0.05 * pixels) / 2 ** 20 + 48 * threads),
    scratchMb: Math.ceil(8 + (1.2 * pixels) / 2 ** 20),
    ioWeight: 0.35 * threads,
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

export type NdviParams = ParamsOf<typeof ndvi>
