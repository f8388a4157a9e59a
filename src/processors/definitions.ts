import { composite } from './composite/definition.js'
import { importL2a } from './import_l2a/definition.js'
import { l2a } from './l2a/definition.js'
import { ndvi } from './ndvi/definition.js'

/** Every processor by name. Data only: importing this loads no kernel and no raster code. */
export const PROCESSORS = { l2a, import_l2a: importL2a, ndvi, composite } as const
export type ProcessorName = keyof typeof PROCESSORS
