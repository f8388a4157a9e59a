import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import type { ArchiveLimits } from '../../products/archive/unpack-archive.js'
import { readForeignL2a } from '../../products/foreign/read-foreign-l2a.js'
import { intoFolder } from '../into-folder.js'
import { withUnpackedInput } from '../l2a/unpacked-input.js'
import { BLOCK_SIZE, convertL2a } from './convert-l2a.js'

export interface ImportToFolderOptions {
  /** Product folder, or an archive with one product. */
  readonly product: string
  readonly out: string
  /** Where an archive is unpacked while it is worked on. */
  readonly scratch: string
  readonly archiveLimits: ArchiveLimits
  /** Null: the CPUs of this machine. */
  readonly threads: number | null
  readonly codec: Codec
  /** Replace a product of the same name. */
  readonly force: boolean
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  readonly onNote: (note: string) => void
}

/** Writes another processor's L2A product to `<out>/<name>/` in our layout. @throws ProcessingError as its reader, `convertL2a`, `intoFolder`. */
export async function importToFolder(
  options: ImportToFolderOptions,
): Promise<{ name: string; folder: string }> {
  const { scratch, archiveLimits: limits, signal, onNote, onProgress } = options
  const { folder, result } = await intoFolder(options, ({ staging, accept }) =>
    withUnpackedInput(resolve(options.product), { scratch, limits, signal, onNote }, async (input) => {
      const { source } = await readForeignL2a(input)
      for (const note of source.notes) onNote(note)
      return convertL2a({
        ...{ source, into: staging, accept, blockSize: BLOCK_SIZE, signal, onProgress },
        codec: options.codec,
        threads: { value: options.threads ?? availableParallelism(), onChange: () => () => undefined },
      })
    }),
  )
  return { name: result.name, folder }
}
