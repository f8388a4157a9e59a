import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../../../app.js'
import type { PublishedProduct } from '../../../catalog/products.js'
import { provenRoots } from '../../../catalog/storage-roots.js'

/** SHA-256 of the rasters of each product in force, lower-case hex, by the product's name. */
export type Digests = ReadonlyMap<string, { readonly level: string; readonly sha256: string }>

/** All TIFF files of each product, names and bytes, in the order of their names. */
export async function digestProducts(
  { db, config }: Pick<App, 'db' | 'config'>,
  products: readonly PublishedProduct[],
): Promise<Digests> {
  const { archive } = await provenRoots(db, config, ['archive'])
  const digests = new Map<string, { level: string; sha256: string }>()
  for (const { name, level, location } of products) {
    const folder = join(archive, location.replace(/^archive:/, ''))
    digests.set(name, { level, sha256: await digestOfFiles(folder, /\.tif$/) })
  }
  return digests
}

/** SHA-256 over names and bytes of the files of a folder with such names, in the order of the names. */
export async function digestOfFiles(folder: string, pattern: RegExp): Promise<string> {
  const hash = createHash('sha256')
  for (const file of (await readdir(folder)).filter((one) => pattern.test(one)).sort())
    hash.update(`${file}\0`).update(await readFile(join(folder, file)))
  return hash.digest('hex')
}

/** One digest for all products of a level, and how many they are. Pure. */
export function digestOfLevel(
  digests: Digests,
  level: string,
): { readonly count: number; readonly sha256: string } {
  const lines = [...digests]
    .filter(([, one]) => one.level === level)
    .map(([name, { sha256 }]) => `${name} ${sha256}\n`)
    .sort()
  return { count: lines.length, sha256: createHash('sha256').update(lines.join('')).digest('hex') }
}

/** Names of products that two rounds do not have alike. Pure. */
export function unlike(a: Digests, b: Digests): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((name) => a.get(name)?.sha256 !== b.get(name)?.sha256)
    .sort()
}
