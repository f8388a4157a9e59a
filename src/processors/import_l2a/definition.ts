import { z } from 'zod'
import { defineProcessor, type OutputSpec } from '../define-processor.js'

const scaled = (scale: number, unit: string, doc: string): OutputSpec => ({
  dtype: 'int16',
  unit,
  scale,
  offset: 0,
  nodata: -32768,
  doc,
})

export const importL2a = defineProcessor({
  name: 'import_l2a',
  version: 1,
  summary:
    "Another processor's Sentinel-2 L2A product in our layout: scales, no-data and mask bits as in our own; no pixel is corrected or resampled.",
  source: 'The tables in docs/inputs.md, with their sources.',
  params: z.strictObject({}),
  inputs: {
    bands: {
      kind: 'band',
      unit: '1',
      doc: "Surface reflectance as the other processor delivers it, with its offset and quantification from the product's metadata.",
    },
    masks: { kind: 'mask', unit: '1', doc: 'Its scene classes or bits.' },
  },
  outputs: {
    'Bxx_sre, Bxx_fre': scaled(
      0.0001,
      '1',
      'Surface reflectance for flat ground, and corrected for slopes where the product has it; on the grids of its images.',
    ),
    AOT: scaled(0.001, '1', 'Aerosol optical thickness at 550 nm, where the product has it.'),
    WV: scaled(0.001, 'g/cm2', 'Water vapour column, where the product has it.'),
    MASK: { dtype: 'uint16', unit: '1', nodata: null, doc: 'Bits, numbered from 0 (docs/products.md).' },
    SCL: {
      dtype: 'uint8',
      unit: '1',
      nodata: 0,
      doc: "Sen2Cor's scene classes, where the product has them.",
    },
  },
  // Planes of flags have a byte for each pixel of each band, blocks in flight follow the threads. Disk as for l2a.
  resources: ({ pixels, threads }) => ({
    cpu: threads,
    memoryMb: Math.ceil(320 + (1.1 * pixels) / 2 ** 20 + 64 * threads),
    scratchMb: Math.ceil(16 + (4 * pixels) / 2 ** 20),
    ioWeight: 0.25 * threads,
  }),
  fails: [
    'PRODUCT_INCOMPLETE',
    'PRODUCT_UNSUPPORTED',
    'METADATA_INVALID',
    'RASTER_UNREADABLE',
    'GRID_MISMATCH',
    'NO_VALID_PIXEL',
    'NOT_FOUND',
  ],
})
