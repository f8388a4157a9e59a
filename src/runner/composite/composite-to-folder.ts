import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseParams } from '../../processors/define-processor.js'
import { composite } from '../../processors/composite/definition.js'
import type { Report } from '../../products/report.js'
import { intoFolder } from '../into-folder.js'
import { makeComposite, type CompositeRequest } from './make-composite.js'

export interface CompositeToFolderOptions extends Pick<
  CompositeRequest,
  'inputs' | 'day' | 'blockSize' | 'codec' | 'signal' | 'onProgress' | 'onNote'
> {
  readonly out: string
  /** Only what the user gave; the definition's defaults fill the rest. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Null: the CPUs of this machine. */
  readonly threads: number | null
  /** Replace a product of the same name. */
  readonly force: boolean
}

export interface CompositeInFolder {
  readonly name: string
  readonly folder: string
  readonly valid_share: number
  readonly composite: Report['composite']
  readonly notes: readonly string[]
  readonly wall_s: number
  readonly cpu_s: number
  readonly peak_rss_mb: number | null
}

/** The command line's way: one product to `<out>/<name>/`. @throws ProcessingError as `makeComposite`, BAD_ARGUMENT, CONFLICT where the product exists and `force` is off. */
export async function compositeToFolder(options: CompositeToFolderOptions): Promise<CompositeInFolder> {
  const params = parseParams(composite, options.parameters)
  const { folder, result } = await intoFolder(options, ({ staging, accept }) =>
    makeComposite({
      ...{ params, accept, into: staging, day: options.day },
      inputs: options.inputs.map((input) => resolve(input)),
      origins: Object.fromEntries(['day', ...Object.keys(options.parameters)].map((key) => [key, 'cli'])),
      threads: { value: options.threads ?? availableParallelism(), onChange: () => () => undefined },
      blockSize: options.blockSize,
      codec: options.codec,
      signal: options.signal,
      onProgress: options.onProgress,
      onNote: options.onNote,
    }),
  )
  const { valid_share, notes, resources } = result.report
  const { wall_s, cpu_s, peak_rss_mb } = resources
  return {
    ...{ name: result.name, folder, valid_share, notes, wall_s, cpu_s, peak_rss_mb },
    composite: result.report.composite,
  }
}
