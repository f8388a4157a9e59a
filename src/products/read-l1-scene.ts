import { readdir } from 'node:fs/promises'
import type { L1Scene } from '../domain/l1-scene.js'
import { sceneOfL1tp } from './landsat/l1-scene.js'
import { isMtl, readL1tpMetadata } from './landsat/read-l1tp.js'
import { sceneOfL1c } from './sentinel2/l1-scene.js'
import { readL1cMetadata } from './sentinel2/read-l1c.js'

/** Reads an L1 product of any supported kind: metadata, headers and, where they are rasters, angles. Throws as its reader. */
export async function readL1Scene(path: string): Promise<L1Scene> {
  const entries = await readdir(path).catch(() => [])
  return entries.some(isMtl)
    ? sceneOfL1tp(await readL1tpMetadata(path))
    : sceneOfL1c(await readL1cMetadata(path))
}
