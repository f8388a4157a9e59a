import { CODECS } from '../../domain/codec.js'
import { choice, type SettingDefinition } from './define.js'

/** How products are written, whichever processor makes them. Frozen into a job, but no parameter: no pixel depends on them, so nothing is made again for them. */
export const PRODUCT_SETTINGS = {
  'products.codec': choice({
    values: CODECS,
    default: 'deflate',
    effect: 'job',
    doc: 'How the GeoTIFFs that steps publish are compressed, without loss in each case: deflate, which any reader knows; zstd, faster and larger; lerc, for GDAL with LERC. Products that are there stay as they are.',
  }),
} as const satisfies Record<string, SettingDefinition>
