import type { L1Scene } from '../domain/l1-scene.js'
import { sceneOfL1c } from './sentinel2/l1-scene.js'
import { readL1cMetadata } from './sentinel2/read-l1c.js'

/** Reads the metadata of an L1 product of any supported kind. Throws as its reader. */
export async function readL1Scene(path: string): Promise<L1Scene> {
  return sceneOfL1c(await readL1cMetadata(path))
}
