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
