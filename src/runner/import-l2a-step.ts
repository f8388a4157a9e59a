import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'
import { importStepParams } from '../domain/step-params.js'
import { readForeignL2a } from '../products/foreign/read-foreign-l2a.js'
import { importL2a } from '../processors/import_l2a/definition.js'
import { BLOCK_SIZE, convertL2a } from './import-l2a/convert-l2a.js'
import { TILE_SIZE } from './l2a/block-size.js'
import { shrunkBudget } from './shrunk-budget.js'
import type { StepContext, StepResult } from './step-context.js'

/** One scheduled import of another processor's L2A product, as `tilth import-l2a` does it. */
export async function runImportStep(context: StepContext): Promise<StepResult> {
  const step = importStepParams.safeParse(context.params)
  if (!step.success)
    throw new ProcessingError(
      'INTERNAL',
      `Step ${context.stepId} has parameters that no import has: ${z.prettifyError(step.error)}`,
    )
  const { source } = await readForeignL2a(context.resolvePath(step.data.input))
  for (const note of source.notes) context.log.info(note)
  const { name, folder, bbox, report } = await convertL2a({
    source,
    into: context.stagingDir,
    threads: shrunkBudget(context.threads, context.blockShrink),
    codec: context.codec,
    blockSize: Math.max(TILE_SIZE, BLOCK_SIZE / 2 ** context.blockShrink),
    signal: context.signal,
    onProgress: (fraction, note) => {
      context.progress(fraction, note)
    },
  })
  return {
    products: [
      {
        name,
        level: 'L2A',
        processor: importL2a.name,
        processorVersion: importL2a.version,
        satellite: 's2',
        platform: source.platform,
        tile: source.tile,
        sensedAt: source.namedAt,
        relativeOrbit: source.relativeOrbit,
        acquisitionId: step.data.acquisition_id,
        folder,
        bbox,
        provenance: {
          parameters: {},
          made_by: source.producer,
          inputs: report.inputs,
          versions: report.versions,
          stages: report.stages,
          resources: report.resources,
        },
      },
    ],
  }
}
