import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import { l2a } from '../../processors/l2a/definition.js'
import { fsyncTree, moveIntoPlace } from '../../products/publish.js'
import { correctL1c } from './correct-l1c.js'

export interface CorrectToFolderOptions {
  readonly product: string
  readonly out: string
  /** Only what the user gave; the definition's defaults fill the rest. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Null: the CPUs of this machine. */
  readonly threads: number | null
  readonly blockSize: number
  readonly codec: 'deflate' | 'zstd'
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
  readonly wall_s: number
  readonly cpu_s: number
  readonly peak_rss_mb: number | null
  readonly notes: readonly string[]
}

/**
 * The command line's way: one product to `<out>/<name>/`, staged beside and renamed when it is whole, so that a folder that is there is
 * complete. @throws ProcessingError as `correctL1c`, BAD_ARGUMENT, CONFLICT where the product exists and `force` is off.
 */
export async function correctToFolder(options: CorrectToFolderOptions): Promise<CorrectedToFolder> {
  const parsed = l2a.params.safeParse(options.parameters)
  if (!parsed.success) throw new ProcessingError('BAD_ARGUMENT', z.prettifyError(parsed.error))
  if (!Number.isInteger(options.blockSize / 512))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--block-size: expected a multiple of 512 px, found ${options.blockSize}.`,
    )
  if (!['deflate', 'zstd'].includes(options.codec))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `--codec: expected deflate or zstd, found '${options.codec}'.`,
    )
  const out = resolve(options.out)
  await mkdir(out, { recursive: true })
  const staging = await mkdtemp(join(out, '.staging-'))
  try {
    const result = await correctL1c({
      input: resolve(options.product),
      params: parsed.data,
      origins: Object.fromEntries(Object.keys(options.parameters).map((key) => [key, 'cli'])),
      into: staging,
      threads: { value: options.threads ?? availableParallelism(), onChange: () => () => undefined },
      blockSize: options.blockSize,
      codec: options.codec,
      signal: options.signal,
      onProgress: options.onProgress,
      onNote: options.onNote,
    })
    const folder = join(out, result.name)
    await fsyncTree(result.folder)
    if (options.force) await rename(folder, join(staging, 'replaced')).catch(ignoreMissing)
    await moveIntoPlace(result.folder, folder)
    const { valid_share, cloud_share, notes, resources } = result.report
    const { wall_s, cpu_s, peak_rss_mb } = resources
    return { name: result.name, folder, valid_share, cloud_share, wall_s, cpu_s, peak_rss_mb, notes }
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

function ignoreMissing(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
  throw error
}
