import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { ProcessingError } from '../../domain/errors.js'
import type { ForeignL2a } from '../../domain/foreign-l2a.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { l2a, type ExternalEngine, type L2aParams } from '../../processors/l2a/definition.js'
import { readForeignL2a } from '../../products/foreign/read-foreign-l2a.js'
import { publishError } from '../../products/publish.js'
import { readL1Scene } from '../../products/read-l1-scene.js'
import { BLOCK_SIZE, convertL2a, type ConvertedL2a } from '../import-l2a/convert-l2a.js'
import type { ThreadBudget } from '../step-context.js'
import { runEngine } from './engines.js'

export interface ExternalRequest {
  /** Folder of an L1C product, compact SAFE. */
  readonly input: string
  readonly engine: ExternalEngine
  readonly params: L2aParams
  /** Where each parameter came from; `default` where absent. */
  readonly origins: Readonly<Record<string, string>>
  /** Existing folder that gets a folder named after the product. */
  readonly into: string
  /** Existing folder for what is needed meanwhile; emptied again, however the work ends. */
  readonly scratch: string
  /** `external.json` of this machine. */
  readonly toolsFile: string
  readonly accept?: (name: string) => Promise<void>
  /** The program is given as many as there are when it starts. */
  readonly threads: ThreadBudget
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  readonly onNote: (note: string) => void
}

/**
 * Lets Sen2Cor or MAJA correct one L1C product and brings what it made into our layout, as an import does: bands, masks in our bits, who made it. Its name is that
 * of our own product with the processor's behind it.
 * @throws ProcessingError PRODUCT_UNSUPPORTED (not a compact SAFE of Sentinel-2), TOO_CLOUDY, as `runEngine`, as `convertL2a`; the signal's reason when aborted.
 */
export async function correctExternally(
  request: ExternalRequest,
): Promise<ConvertedL2a & { readonly scene: L1Scene; readonly madeBy: ForeignL2a['producer'] }> {
  const { engine, signal, onProgress, threads } = request
  const safe = await realpath(request.input)
  const scene = await readL1Scene(safe)
  if (scene.kind !== 'S2_L1C' || !/^S2[A-Z]_MSIL1C_.*\.SAFE$/.test(basename(safe)))
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${request.input}': ${engine} takes L1C products of Sentinel-2 as compact SAFE (S2x_MSIL1C_....SAFE), found ${scene.kind} in '${basename(safe)}'. Use the engine own.`,
    )
  let folder: string
  try {
    folder = await mkdtemp(join(request.scratch, `${engine}-`))
  } catch (cause) {
    throw publishError(`Making a folder below '${request.scratch}'`, cause)
  }
  try {
    const end = await runEngine(engine, {
      ...{ safe, scene, threads: threads.value, signal, toolsFile: request.toolsFile },
      folders: { input: join(folder, 'input'), work: join(folder, 'work'), output: join(folder, 'output') },
      onProgress: (fraction, note) => {
        onProgress(fraction * 0.85, note)
      },
    })
    const { source } = await readForeignL2a(end.product).catch((error: unknown) => {
      // What is wrong with it is the program's doing, not the input's: another try may end better.
      throw error instanceof ProcessingError
        ? new ProcessingError(
            'EXTERNAL_FAILED',
            `${engine} ended well with a product that is not whole: ${error.code}: ${error.message}`,
            { cause: error },
          )
        : error
    })
    mustBeOf(scene, source, engine)
    for (const note of source.notes) request.onNote(note)
    const converted = await convertL2a({
      // Named as our own product of the same acquisition; MAJA knows neither the datatake nor the direction.
      source: {
        ...source,
        ...{
          namedAt: scene.namedAt,
          relativeOrbit: scene.relativeOrbit,
          orbitDirection: scene.orbitDirection,
        },
        datatakeId: scene.datatakeId ?? source.datatakeId,
      },
      ...{ into: request.into, threads, blockSize: BLOCK_SIZE, codec: request.codec, signal },
      ...(request.accept === undefined ? {} : { accept: request.accept }),
      made: {
        processor: { name: l2a.name, version: l2a.version },
        inputs: [{ kind: scene.kind, name: scene.productUri, detail: scene.detail }],
        parameters: Object.fromEntries(
          (['engine', 'max_cloud'] as const).map((key) => [
            key,
            { value: request.params[key], origin: request.origins[key] ?? 'default' },
          ]),
        ),
        stage: { name: engine, wall_s: end.wallS },
        notes: [`${engine} used at most ${end.peakRssMb} MiB of memory.`],
      },
      onProgress: (fraction, note) => {
        onProgress(0.85 + fraction * 0.15, note)
      },
    })
    const cloud = converted.report.cloud_share
    if (cloud !== null && cloud * 100 > request.params.max_cloud) {
      await rm(converted.folder, { recursive: true, force: true })
      throw new ProcessingError(
        'TOO_CLOUDY',
        `'${request.input}': ${(cloud * 100).toFixed(1)} % of the valid pixels are cloud or shadow, at most ${request.params.max_cloud} % are accepted (max_cloud). Nothing was made.`,
      )
    }
    return { ...converted, scene, madeBy: source.producer }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** A program that is given one product and hands back another would fill the catalog with what it is not. */
function mustBeOf(
  scene: L1Scene,
  made: { readonly tile: string; readonly platform: string; readonly sensedAt: string },
  engine: ExternalEngine,
): void {
  const apart = Math.abs(new Date(made.sensedAt).getTime() - new Date(scene.sensedAt).getTime()) / 1000
  if (made.tile === scene.tile && made.platform === scene.platform && apart <= 120) return
  throw new ProcessingError(
    'EXTERNAL_FAILED',
    `${engine} was given ${scene.platform} of tile ${scene.tile} at ${scene.sensedAt} and made ${made.platform} of tile ${made.tile} at ${made.sensedAt}.`,
  )
}
