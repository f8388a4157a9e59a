import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene, SpectralResponse } from '../../domain/l1-scene.js'
import type { AtmosphereModel } from '../../processors/l2a/atmosphere.js'
import { parseAtmosphereTable, type AtmosphereTable } from '../../processors/l2a/rt-table.js'
import { tableModel } from '../../processors/l2a/table-model.js'
import { programRoot } from './solve-part.js'

export const shippedTablePath = (): string => join(programRoot(), 'config/rt/atmosphere.rt')

/** @throws ProcessingError NOT_FOUND, ATMOSPHERE_TABLE_INVALID. */
export function readAtmosphereTable(path: string): AtmosphereTable {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new ProcessingError(
      'NOT_FOUND',
      `No table of the atmosphere can be read at ${path}. Install the program whole again, or make it with 'tilth rt build'.`,
      { cause },
    )
  }
  return parseAtmosphereTable(bytes, path)
}

let shipped: AtmosphereTable | undefined

/** The table that comes with the program, read once a process. @throws as `readAtmosphereTable`. */
export const shippedAtmosphereTable = (): AtmosphereTable =>
  (shipped ??= readAtmosphereTable(shippedTablePath()))

/** By the responses that products state: those of a platform are alike, and a warm process integrates them once. */
const models = new Map<string, AtmosphereModel>()
const ofScenes = new WeakMap<L1Scene, AtmosphereModel>()

/** The atmosphere as a scene's bands see it, by the spectral responses that its product states, else the shipped ones. @throws as `readAtmosphereTable`. */
export function atmosphereOf(scene: L1Scene): AtmosphereModel {
  const known = ofScenes.get(scene)
  if (known !== undefined) return known
  const stated = scene.bands.flatMap(({ id, response }): [string, SpectralResponse][] =>
    response === null ? [] : [[id, response]],
  )
  const key = JSON.stringify(stated)
  const model = models.get(key) ?? tableModel(shippedAtmosphereTable(), new Map(stated))
  models.set(key, model)
  ofScenes.set(scene, model)
  return model
}
