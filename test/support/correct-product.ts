import { join } from 'node:path'
import { archiveLimits } from '../../src/config/archive-limits.js'
import {
  correctToFolder,
  type CorrectedToFolder,
  type CorrectToFolderOptions,
} from '../../src/runner/l2a/correct-to-folder.js'

/** Corrects a product below a test's folder as the command line does, quietly: scratch to `<home>/scratch`, the product to `<home>/<out>/<name>`, one of the same name replaced. */
export function correctProduct(
  home: string,
  product: string,
  out: string,
  more: Partial<CorrectToFolderOptions> = {},
): Promise<CorrectedToFolder> {
  return correctToFolder({
    ...{ product, out: join(home, out), scratch: join(home, 'scratch'), archiveLimits: archiveLimits({}) },
    ...{ previous: null, force: true, codec: 'deflate', threads: 2, blockSize: 1024, parameters: {} },
    ...{ signal: new AbortController().signal, onProgress: () => undefined, onNote: () => undefined },
    ...more,
  })
}
