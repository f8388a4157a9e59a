import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'
import { ndviStepParams } from '../domain/step-params.js'
import { parseParams } from '../processors/define-processor.js'
import { ndvi } from '../processors/ndvi/definition.js'
import { TILE_SIZE } from './l2a/block-size.js'
import { makeNdvi } from './ndvi/make-ndvi.js'
import { readInputs } from './read-inputs.js'
import { shrunkBudget } from './shrunk-budget.js'
import type { StepContext, StepResult } from './step-context.js'

/** Block edge of scheduled steps, pixels. Changes memory, no pixel. */
const BLOCK_SIZE = 1024

/** One scheduled NDVI step: the command line's work, with input and parameters from the step's row. */
export async function runNdviStep(context: StepContext): Promise<StepResult> {
  const step = ndviStepParams.safeParse(context.params)
  if (!step.success)
    throw new ProcessingError(
      'INTERNAL',
      `Step ${context.stepId} has parameters that no NDVI step has: ${z.prettifyError(step.error)}`,
    )
  const { input, parameters, parameter_origins: origins } = step.data
  const params = parseParams(ndvi, parameters)
  const folder = context.resolvePath(input.location)
  const made = await readInputs([{ ...input, folder }], () =>
    makeNdvi({
      input: folder,
      params,
      origins,
      into: context.stagingDir,
      threads: shrunkBudget(context.threads, context.blockShrink),
      blockSize: Math.max(TILE_SIZE, BLOCK_SIZE / 2 ** context.blockShrink),
      codec: context.codec,
      signal: context.signal,
      onProgress: (fraction, note) => {
        context.progress(fraction, note)
      },
    }),
  )
  const { id, satellite } = made.source
  return {
    products: [
      {
        name: made.name,
        level: 'L3B',
        processor: ndvi.name,
        processorVersion: ndvi.version,
        satellite,
        platform: id.platform,
        tile: id.tile,
        sensedAt: id.sensedAt,
        relativeOrbit: id.relativeOrbit,
        acquisitionId: null,
        folder: made.folder,
        bbox: made.bbox,
        provenance: {
          parameters: params,
          inputs: [input],
          versions: made.report.versions,
          stages: made.report.stages,
          resources: made.report.resources,
        },
      },
    ],
  }
}
