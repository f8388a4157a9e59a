import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { Codec } from '../../domain/codec.js'
import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import type { TileSquare } from '../../domain/mgrs.js'
import { targetGridName } from '../../domain/target-grid.js'
import type { ChainStartMode, ChainWish } from '../../processors/l2a/chain-mode.js'
import { dayOf } from '../../processors/l2a/chain-state.js'
import { l2a } from '../../processors/l2a/definition.js'
import { openL2aProduct } from '../../products/l2a/open-l2a.js'
import type { ArchiveLimits } from '../../products/archive/unpack-archive.js'
import type { Layout } from '../../products/layouts/export-facts.js'
import { makeFolder } from '../../products/publish.js'
import { correctExternally } from '../external/correct-externally.js'
import { exportProduct } from '../export/export-product.js'
import { correctScene, type L2aOutcome } from './correct-scene.js'
import type { LonLatBox } from './crop-scene.js'
import type { ChainInputs } from './take-state.js'
import { intoFolder } from '../into-folder.js'
import { withUnpackedInput } from './unpacked-input.js'

export interface CorrectToFolderOptions {
  /** Product folder, or an archive with one product. */
  readonly product: string
  /** Where an archive is unpacked, and decoded blocks lie, while it is worked on. */
  readonly scratch: string
  readonly archiveLimits: ArchiveLimits
  /** `external.json` of this machine; needed where another engine than our own is asked for. */
  readonly toolsFile?: string
  readonly out: string
  /** Folder of the L2A product of the date before, whose state is taken; null: none. */
  readonly previous: string | null
  /** Asks for the chain in another way; `previous` is not looked at then. */
  readonly chain?: (wish: ChainWish, scene: L1Scene) => Promise<ChainInputs>
  /** The Sentinel-2 tile on whose grid Landsat is wanted; absent: its own. */
  readonly onto?: TileSquare
  /** The part of the scene that is wanted, degrees; absent: all of it. */
  readonly bbox?: LonLatBox
  /** Only what the user gave; the definition's defaults fill the rest. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Null: the CPUs of this machine. */
  readonly threads: number | null
  readonly blockSize: number
  /** MiB that the correction may take; absent: as threads and blocks come to. */
  readonly memoryMb?: number
  readonly codec: Codec
  /** Absent: our own. In any other layout the product leaves no state for the next date. */
  readonly layout?: Layout
  /** Replace a product of the same name. */
  readonly force: boolean
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  readonly onNote: (note: string) => void
}

export interface CorrectedToFolder {
  readonly name: string
  readonly folder: string
  readonly valid_share: number
  readonly cloud_share: number | null
  /** How the date began; null where an engine without chains made it. */
  readonly mode: ChainStartMode | null
  readonly wall_s: number
  readonly cpu_s: number
  readonly peak_rss_mb: number | null
  readonly notes: readonly string[]
}

/**
 * The command line's way: one product to `<out>/<name>/`, staged beside and renamed when it is whole, so that a folder that is there is
 * complete. @throws ProcessingError as `correctScene`, BAD_ARGUMENT, CONFLICT where the product exists and `force` is off.
 */
export async function correctToFolder(options: CorrectToFolderOptions): Promise<CorrectedToFolder> {
  const parsed = l2a.params.safeParse(options.parameters)
  if (!parsed.success) throw new ProcessingError('BAD_ARGUMENT', z.prettifyError(parsed.error))
  if (!Number.isInteger(options.blockSize / 512))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--block-size: expected a multiple of 512 px, found ${options.blockSize}.`,
    )
  const unpacking = {
    scratch: options.scratch,
    limits: options.archiveLimits,
    signal: options.signal,
    onNote: options.onNote,
  }
  const { layout } = options
  if (layout !== undefined && options.memoryMb !== undefined)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--memory ${options.memoryMb}: expected our own layout, found --layout ${layout}, whose memory is not planned. Make the product without it, then use \`tilth export\`.`,
    )
  const { folder, result } = await intoFolder(options, async ({ staging, accept }) => {
    const into = layout === undefined ? staging : join(staging, 'own')
    await mkdir(into, { recursive: true })
    const threads = { value: options.threads ?? availableParallelism(), onChange: () => () => undefined }
    const common = {
      params: parsed.data,
      origins: Object.fromEntries(Object.keys(options.parameters).map((key) => [key, 'cli'])),
      into,
      scratch: options.scratch,
      ...(layout === undefined ? { accept } : {}),
      signal: options.signal,
      onProgress: (fraction: number, note: string) => {
        options.onProgress(layout === undefined ? fraction : fraction * 0.7, note)
      },
      onNote: options.onNote,
    }
    const { engine } = parsed.data
    if (engine !== 'own') refuseForExternal(engine, options)
    if (engine !== 'own') await makeFolder(options.scratch)
    const corrected = await withUnpackedInput<Pick<L2aOutcome, 'name' | 'folder' | 'report'>>(
      resolve(options.product),
      unpacking,
      (input) =>
        engine === 'own'
          ? correctScene({
              ...{ ...common, input, blockSize: options.blockSize, codec: options.codec },
              memoryMb: options.memoryMb ?? null,
              ...{ onto: options.onto ?? null, bbox: options.bbox ?? null },
              threads,
              withFolder: (product, work) => withUnpackedInput(product, unpacking, work),
              chain: options.chain ?? ((wish, scene) => givenChain(options.previous, wish, scene)),
            })
          : correctExternally({
              ...{ ...common, input, engine, threads, codec: options.codec },
              toolsFile: options.toolsFile ?? '',
            }),
    )
    if (layout === undefined) return corrected
    const exported = await exportProduct(
      {
        ...{ product: corrected.folder, layout, threads: options.threads, codec: options.codec },
        signal: options.signal,
        onProgress: (fraction, note) => {
          options.onProgress(0.7 + fraction * 0.3, note)
        },
      },
      { into: staging, accept },
    )
    for (const note of exported.notes) options.onNote(note)
    return { ...corrected, ...exported }
  })
  const { valid_share, cloud_share, notes, resources } = result.report
  const { wall_s, cpu_s, peak_rss_mb } = resources
  const mode = result.report.chain?.mode ?? null
  return { name: result.name, folder, valid_share, cloud_share, mode, wall_s, cpu_s, peak_rss_mb, notes }
}

/** What other engines do not heed: they correct a whole product on its own tile in their own way. */
const HEEDED_BY_OTHERS: ReadonlySet<string> = new Set(['engine', 'max_cloud'])

function refuseForExternal(
  engine: string,
  { onto, bbox, memoryMb, parameters }: CorrectToFolderOptions,
): void {
  const given = [
    ...(onto === undefined ? [] : [`grid ${targetGridName(onto)}`]),
    ...(bbox === undefined ? [] : [`bbox ${bbox.join(',')}`]),
    ...(memoryMb === undefined ? [] : [`memory ${memoryMb}`]),
    ...Object.keys(parameters).filter((key) => !HEEDED_BY_OTHERS.has(key)),
  ]
  if (given.length === 0) return
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `${given.join(', ')}: expected our own engine, found ${engine}, which does not heed ${given.length === 1 ? 'it' : 'them'}. Leave it out, or take --engine own.`,
  )
}

/** The chain of a scene that is corrected by hand: the product that was named, if any, and nothing that follows. */
async function givenChain(folder: string | null, wish: ChainWish, scene: L1Scene): Promise<ChainInputs> {
  if (folder === null) return { previous: null, following: [] }
  const { name, id, sensedAt, satellite } = await openL2aProduct(resolve(folder))
  const refuse = (why: string): never => {
    throw new ProcessingError('BAD_ARGUMENT', `--previous '${folder}': ${why}.`)
  }
  if (satellite !== scene.satellite || id.tile !== scene.tile)
    refuse(`expected a product of tile ${scene.tile} of the same satellites, found ${name}`)
  const isOtherOrbit = id.relativeOrbit !== scene.relativeOrbit
  if (isOtherOrbit && !wish.otherOrbits)
    refuse(`expected orbit ${scene.relativeOrbit}, found ${id.relativeOrbit}; --other-orbits allows it`)
  const age = dayOf(scene.sensedAt) - dayOf(sensedAt)
  if (age < 0 || age > wish.maxAgeDays)
    refuse(`expected an age of 0 to ${wish.maxAgeDays} days (--mode, --max-state-age), found ${age}`)
  const own = resolve(folder)
  return { previous: { name, folder: own, digest: null, isOtherOrbit, history: [own] }, following: [] }
}
