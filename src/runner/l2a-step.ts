import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'
import { l2aStepParams, type L2aStepParams } from '../domain/step-params.js'
import { l2a, type ExternalEngine, type L2aParams } from '../processors/l2a/definition.js'
import { correctExternally } from './external/correct-externally.js'
import { TILE_SIZE } from './l2a/block-size.js'
import { correctScene } from './l2a/correct-scene.js'
import { shrunkBudget } from './shrunk-budget.js'
import type { StepChain, StepContext, StepResult } from './step-context.js'

/** Block edge of scheduled steps, pixels: a JP2 tile of 10 m bands. Changes memory, no pixel. */
const BLOCK_SIZE = 1024

/** One scheduled L2A step: the command line's correction, with input and parameters from the step's row. */
export async function runL2aStep(context: StepContext): Promise<StepResult> {
  const step = l2aStepParams.safeParse(context.params)
  if (!step.success)
    throw new ProcessingError(
      'INTERNAL',
      `Step ${context.stepId} has parameters that no L2A step has: ${z.prettifyError(step.error)}`,
    )
  const params = l2a.params.safeParse(step.data.parameters)
  if (!params.success)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Parameters of step ${context.stepId}: ${z.prettifyError(params.error)}`,
    )
  const { engine } = params.data
  if (engine !== 'own') return runExternally(context, step.data, { ...params.data, engine })
  let chain: StepChain = { previous: null, following: [] }
  const { name, folder, scene, bbox, report, link } = await correctScene({
    input: context.resolvePath(step.data.input),
    // A step makes one product of an acquisition, which has the acquisition's own tile.
    ...{ onto: null, bbox: null },
    params: params.data,
    origins: originsOf(step.data),
    into: context.stagingDir,
    scratch: context.scratchDir,
    threads: shrunkBudget(context.threads, context.blockShrink),
    blockSize: Math.max(TILE_SIZE, BLOCK_SIZE / 2 ** context.blockShrink),
    codec: context.codec,
    memoryMb: context.memoryMb,
    signal: context.signal,
    onProgress: (fraction, note) => {
      context.progress(fraction, note)
    },
    onNote: (note) => {
      context.log.info(note)
    },
    chain: async (wish) => {
      chain = await context.chain(wish)
      const folderOf = (location: string) => context.resolvePath(location)
      const { previous, following } = chain
      return {
        previous:
          previous === null
            ? null
            : {
                ...previous,
                folder: folderOf(previous.location),
                history: previous.history.map(folderOf),
              },
        following: following.flatMap(({ location }) => (location === null ? [] : [folderOf(location)])),
      }
    },
  })
  const { mode, digest, wish } = link
  return {
    products: [
      {
        name,
        level: 'L2A',
        processor: l2a.name,
        processorVersion: l2a.version,
        satellite: scene.satellite,
        platform: scene.platform,
        tile: scene.tile,
        sensedAt: scene.namedAt,
        relativeOrbit: scene.relativeOrbit,
        acquisitionId: step.data.acquisition_id,
        folder,
        bbox,
        provenance: {
          parameters: params.data,
          inputs: report.inputs,
          versions: report.versions,
          stages: report.stages,
          resources: report.resources,
          chain: report.chain,
        },
        chain: {
          ...wish,
          mode,
          digest,
          previous: mode === 'nominal' ? chain.previous : null,
          following: mode === 'backward' ? chain.following.map(({ acquisitionId }) => acquisitionId) : [],
        },
      },
    ],
  }
}

/** A job made by other means has frozen parameters too, but does not say where they came from. */
const originsOf = ({
  parameters,
  parameter_origins: origins,
}: L2aStepParams): Readonly<Record<string, string>> =>
  origins ?? Object.fromEntries(Object.keys(parameters).map((key) => [key, 'job']))

/** The same step where a program of others corrects. Its product has no place in the chain: it leaves no state. */
async function runExternally(
  context: StepContext,
  step: L2aStepParams,
  params: L2aParams & { readonly engine: ExternalEngine },
): Promise<StepResult> {
  const { name, folder, scene, bbox, report, madeBy } = await correctExternally({
    input: context.resolvePath(step.input),
    ...{ engine: params.engine, params, origins: originsOf(step), into: context.stagingDir },
    ...{ scratch: context.scratchDir, toolsFile: context.toolsFile, signal: context.signal },
    ...{ threads: context.threads, codec: context.codec },
    onProgress: (fraction, note) => {
      context.progress(fraction, note)
    },
    onNote: (note) => {
      context.log.info(note)
    },
  })
  return {
    products: [
      {
        ...{ name, level: 'L2A', folder, bbox },
        ...{ processor: l2a.name, processorVersion: l2a.version, acquisitionId: step.acquisition_id },
        ...{ satellite: scene.satellite, platform: scene.platform, tile: scene.tile },
        ...{ sensedAt: scene.namedAt, relativeOrbit: scene.relativeOrbit },
        provenance: {
          parameters: params,
          made_by: madeBy,
          ...{ inputs: report.inputs, versions: report.versions },
          ...{ stages: report.stages, resources: report.resources },
        },
      },
    ],
  }
}
