import { l2a } from './l2a/definition.js'

/** Every processor by name. Data only: importing this loads no kernel and no raster code. */
export const PROCESSORS = { l2a } as const
export type ProcessorName = keyof typeof PROCESSORS
