import { z } from 'zod'

/** `step.params` of one L2A step: which acquisition, where it lies, and the processor's parameters frozen when the job was made. */
export const l2aStepParams = z.object({
  acquisition_id: z.number().int().positive(),
  /** `l1:relative/path` of the SAFE folder. */
  input: z.string().min(1),
  /** Parameters of the processor `l2a` as its definition parses them; absent keys mean its defaults. */
  parameters: z.record(z.string(), z.unknown()).default({}),
  /** Where each parameter came from when the job was made, for the report: `cli`, `site x`, `parent site y`, `global`, `default`. */
  parameter_origins: z.record(z.string(), z.string().min(1)).optional(),
})
export type L2aStepParams = z.infer<typeof l2aStepParams>

/** `step.params` of one import of another processor's L2A product. */
export const importStepParams = z.object({
  acquisition_id: z.number().int().positive(),
  /** `l1:relative/path` of the product's folder. */
  input: z.string().min(1),
})
export type ImportStepParams = z.infer<typeof importStepParams>

/** A product that a step reads: the revision that was in force when the step was made. */
export const productInput = z.object({
  name: z.string().min(1),
  /** `archive:...` folder of the revision. */
  location: z.string().min(1),
})
export type ProductInput = z.infer<typeof productInput>

/** What steps that read products have in common. */
const consumerStepParams = z.object({
  /** Name of the product that is made. */
  product: z.string().min(1),
  parameters: z.record(z.string(), z.unknown()),
  /** Where each parameter came from when the job was made, as of `l2aStepParams`. */
  parameter_origins: z.record(z.string(), z.string().min(1)),
})

/** `step.params` of one NDVI step. */
export const ndviStepParams = consumerStepParams.extend({ input: productInput })
export type NdviStepParams = z.infer<typeof ndviStepParams>

/** A date that lies in the window of a product and was not there when its step was made. */
export const productGap = z.object({
  acquisition_id: z.number().int().positive(),
  tile: z.string().min(1),
  /** Of sensing, UTC, YYYY-MM-DD. */
  day: z.iso.date(),
  /** What keeps it away, in words: `is broken: ...`, `has no L2A: step 12 quarantined with ...`. */
  why: z.string().min(1),
})
export type ProductGap = z.infer<typeof productGap>

/** `step.params` of one composite step. */
export const compositeStepParams = consumerStepParams.extend({
  /** Synthesis day, YYYY-MM-DD. */
  day: z.iso.date(),
  /** In the order of their names. */
  inputs: z.array(productInput).min(1),
  /** By day: what it is made without. Empty: it is complete. */
  gaps: z.array(productGap).default([]),
})
export type CompositeStepParams = z.infer<typeof compositeStepParams>
