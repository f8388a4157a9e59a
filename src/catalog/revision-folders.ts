import { opendir } from 'node:fs/promises'
import { join } from 'node:path'

/** One folder of a root that is named as a published revision is. */
export interface RevisionFolder {
  /** Absolute. */
  readonly path: string
  /** `<root>:<level>/<tile>/<yyyy>/<mm>/<name>/r<step>-<attempt>` */
  readonly location: string
  /** Name of the product. */
  readonly product: string
  readonly step: number
  readonly attempt: number
}

/** Levels of folders above a revision: level, tile, year, month, product. */
const DEPTH = 5

/** All revision folders below a root, one at a time; hidden folders such as .staging are left out. A folder that vanishes is none. */
export async function* walkRevisions(root: string, rootPath: string): AsyncGenerator<RevisionFolder> {
  for await (const folder of foldersAt(rootPath, '', DEPTH))
    for await (const name of subfolders(join(rootPath, folder))) {
      const [, step, attempt] = /^r(\d{1,15})-(\d{1,9})$/.exec(name) ?? []
      if (step === undefined || attempt === undefined) continue
      yield {
        path: join(rootPath, folder, name),
        location: `${root}:${folder}/${name}`,
        product: folder.slice(folder.lastIndexOf('/') + 1),
        step: Number(step),
        attempt: Number(attempt),
      }
    }
}

async function* foldersAt(rootPath: string, folder: string, depth: number): AsyncGenerator<string> {
  if (depth === 0) {
    yield folder
    return
  }
  for await (const name of subfolders(join(rootPath, folder)))
    if (!name.startsWith('.'))
      yield* foldersAt(rootPath, folder === '' ? name : `${folder}/${name}`, depth - 1)
}

async function* subfolders(path: string): AsyncGenerator<string> {
  const folder = await opendir(path).catch(() => undefined)
  if (folder === undefined) return
  for await (const entry of folder) if (entry.isDirectory()) yield entry.name
}
