import { relative } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'

/** An archive, and the real path of the folder where its members lie while they are worked on. */
export interface Unpacked {
  readonly archive: string
  readonly folder: string
}

/** The path that a user knows for something unpacked: `archive.zip!/member`, or the archive itself for its top folder. */
export function memberPath({ archive, folder }: Unpacked, path: string): string {
  const inside = relative(folder, path)
  return inside === '' ? archive : `${archive}!/${inside}`
}

/** The same error with those paths in its message: the folder is gone by the time somebody reads it. */
export function inTermsOfArchive(error: ProcessingError, { archive, folder }: Unpacked): ProcessingError {
  const message = error.message
    .replaceAll(`${folder}/`, () => `${archive}!/`)
    .replaceAll(folder, () => archive)
  return new ProcessingError(error.code, message, { cause: error })
}
