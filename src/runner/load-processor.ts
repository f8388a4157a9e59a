import { pathToFileURL } from 'node:url'
import { ProcessingError } from '../domain/errors.js'
import type { StepRun } from './step-context.js'

/** Each processor's step function, loaded when its first step comes: GDAL and the kernels take a moment. */
const PROCESSORS: Readonly<Record<string, () => Promise<StepRun>>> = {
  l2a: async () => (await import('./l2a-step.js')).runL2aStep,
  import_l2a: async () => (await import('./import-l2a-step.js')).runImportStep,
  ndvi: async () => (await import('./ndvi-step.js')).runNdviStep,
  composite: async () => (await import('./composite-step.js')).runCompositeStep,
}

/**
 * The step function of a processor. TILTH_TEST_PROCESSOR, the path of a module with `runs: Record<string, StepRun>`,
 * adds to the table or replaces entries: tests put processors there that wait, fail or die at will.
 */
export async function loadProcessor(processor: string): Promise<StepRun> {
  const testModule = process.env['TILTH_TEST_PROCESSOR']
  if (testModule !== undefined && testModule !== '') {
    const { runs } = (await import(pathToFileURL(testModule).href)) as {
      runs: Readonly<Record<string, StepRun>>
    }
    const run = runs[processor]
    if (run !== undefined) return run
  }
  const load = Object.hasOwn(PROCESSORS, processor) ? PROCESSORS[processor] : undefined
  if (load === undefined)
    throw new ProcessingError(
      'NOT_FOUND',
      `No processor is called '${processor}'; there is ${Object.keys(PROCESSORS).join(', ')}. Upgrade this program if a newer one made the step.`,
    )
  return load()
}
