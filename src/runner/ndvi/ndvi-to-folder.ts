import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { parseParams } from '../../processors/define-processor.js'
import { ndvi } from '../../processors/ndvi/definition.js'
import type { Quantiles } from '../../products/report.js'
import { intoFolder } from '../into-folder.js'
import { makeNdvi, type NdviRequest } from './make-ndvi.js'

export interface NdviToFolderOptions extends Pick<
  NdviRequest,
  'input' | 'blockSize' | 'codec' | 'signal' | 'onProgress'
> {
  readonly out: string
  /** Only what the user gave; the definition's defaults fill the rest. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** Null: the CPUs of this machine. */
  readonly threads: number | null
  /** Replace a product of the same name. */
  readonly force: boolean
}

export interface NdviInFolder {
  readonly name: string
  readonly folder: string
  readonly valid_share: number
  readonly cloud_share: number | null
  /** Of the clear pixels; null where there are none. */
  readonly mean: number | null
  readonly quantiles: Quantiles | null
  readonly wall_s: number
  readonly cpu_s: number
}

/** The command line's way: one product to `<out>/<name>/`. @throws ProcessingError as `makeNdvi`, BAD_ARGUMENT, CONFLICT where the product exists and `force` is off. */
export async function ndviToFolder(options: NdviToFolderOptions): Promise<NdviInFolder> {
  const params = parseParams(ndvi, options.parameters)
  const { folder, result } = await intoFolder(options, ({ staging, accept }) =>
    makeNdvi({
      ...{ params, accept, into: staging },
      input: resolve(options.input),
      origins: Object.fromEntries(Object.keys(options.parameters).map((key) => [key, 'cli'])),
      threads: { value: options.threads ?? availableParallelism(), onChange: () => () => undefined },
      blockSize: options.blockSize,
      codec: options.codec,
      signal: options.signal,
      onProgress: options.onProgress,
    }),
  )
  const { valid_share, cloud_share, bands, resources } = result.report
  const clear = bands[0]?.clear
  return {
    ...{ name: result.name, folder, valid_share, cloud_share },
    mean: clear?.mean ?? null,
    quantiles: clear?.quantiles ?? null,
    wall_s: resources.wall_s,
    cpu_s: resources.cpu_s,
  }
}
