import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'
import { compositeStepParams } from '../domain/step-params.js'
import { FAMILY_NAMES, synthesisWindow } from '../domain/synthesis.js'
import { parseParams } from '../processors/define-processor.js'
import { composite } from '../processors/composite/definition.js'
import { makeComposite } from './composite/make-composite.js'
import { TILE_SIZE } from './l2a/block-size.js'
import { readInputs } from './read-inputs.js'
import { shrunkBudget } from './shrunk-budget.js'
import type { StepContext, StepResult } from './step-context.js'

/** Block edge of scheduled steps, pixels: the least that bands of two pixel sizes allow, because sums of all bands are held for it. */
const BLOCK_SIZE = 1024

/** One scheduled composite: the command line's work, with inputs, day and parameters from the step's row. */
export async function runCompositeStep(context: StepContext): Promise<StepResult> {
  const step = compositeStepParams.safeParse(context.params)
  if (!step.success)
    throw new ProcessingError(
      'INTERNAL',
      `Step ${context.stepId} has parameters that no composite has: ${z.prettifyError(step.error)}`,
    )
  const { inputs, gaps, day, parameters, parameter_origins: origins } = step.data
  const params = parseParams(composite, parameters)
  const located = inputs.map((input) => ({ ...input, folder: context.resolvePath(input.location) }))
  const made = await readInputs(located, () =>
    makeComposite({
      ...{ day, gaps, params, origins, into: context.stagingDir },
      inputs: located.map(({ folder }) => folder),
      threads: shrunkBudget(context.threads, context.blockShrink),
      blockSize: Math.max(TILE_SIZE, BLOCK_SIZE / 2 ** context.blockShrink),
      blocksAhead: context.blockShrink === 0 ? 1 : 0,
      codec: context.codec,
      signal: context.signal,
      onProgress: (fraction, note) => {
        context.progress(fraction, note)
      },
      onNote: (note) => {
        context.log.info(note)
      },
    }),
  )
  const { from, to } = synthesisWindow({ day, halfDays: params.half_days })
  return {
    products: [
      {
        name: made.name,
        level: 'L3A',
        processor: composite.name,
        processorVersion: composite.version,
        satellite: made.satellite,
        platform: FAMILY_NAMES[made.satellite],
        tile: made.tile,
        sensedAt: made.sensedAt,
        relativeOrbit: null,
        acquisitionId: null,
        window: { from: from.toISOString(), to: to.toISOString() },
        folder: made.folder,
        bbox: made.bbox,
        provenance: {
          parameters: params,
          day,
          inputs,
          gaps,
          versions: made.report.versions,
          stages: made.report.stages,
          resources: made.report.resources,
        },
      },
    ],
  }
}
