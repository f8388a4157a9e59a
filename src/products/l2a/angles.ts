import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { AngleGrid, L1Scene } from '../../domain/l1-scene.js'
import { meanDirection, type Direction } from '../../domain/mean-direction.js'
import { publishError } from '../publish.js'

export const ANGLES_FILE = 'angles.json'

const rows = z.array(z.array(z.number().nullable()).min(2)).min(2)
const grids = { zenith: rows, azimuth: rows }

/** `angles.json`: sun and view angles of an L2A product as its L1 product states them. Documented in docs/products.md. */
const anglesSchema = z.strictObject({
  schema: z.literal('tilth-angles/1'),
  epsg: z.number().int().positive(),
  ulx: z.number().describe('Of node (0, 0), m.'),
  uly: z.number().describe('Of node (0, 0), m.'),
  step_x_m: z.number().positive().describe('Eastwards from column to column.'),
  step_y_m: z.number().positive().describe('Southwards from row to row.'),
  sun: z.strictObject(grids).describe('Degrees by row and column of nodes.'),
  view: z.array(
    z.strictObject({
      band: z.string().min(1),
      detector: z.number().int().positive(),
      ...grids,
    }),
  ),
})
export type ProductAngles = z.infer<typeof anglesSchema>
/** Zenith and azimuth in degrees by row and column of nodes; null where the L1 product states none. */
export type AngleRows = ProductAngles['sun']

/** 1e-4 degrees, as ESA writes them: 9 m on the ground from 786 km. */
const rounded = (degrees: number): number => Math.round(degrees * 1e4) / 1e4

function rowsOf({ rows: height, cols, zenith, azimuth }: AngleGrid, isStated?: Uint8Array): AngleRows {
  const cut = (values: Float64Array) =>
    Array.from({ length: height }, (_, row) =>
      Array.from({ length: cols }, (__, column) => {
        const i = row * cols + column
        return isStated !== undefined && isStated[i] === 0 ? null : rounded(values[i] ?? NaN)
      }),
    )
  return { zenith: cut(zenith), azimuth: cut(azimuth) }
}

/** The angles of a scene's delivered bands. View nodes that lie outside a detector's footprint, for which L1 states nothing, are null. */
export function anglesOf(
  scene: L1Scene,
  isDelivered: (band: string) => boolean,
  epsg: number,
): ProductAngles {
  const { sun } = scene
  return {
    schema: 'tilth-angles/1',
    ...{ epsg, ulx: sun.ulx, uly: sun.uly, step_x_m: sun.stepXM, step_y_m: sun.stepYM },
    sun: rowsOf(sun),
    view: scene.bands
      .filter(({ id }) => isDelivered(id))
      .flatMap(({ id, detectors }) =>
        detectors.map(({ detector, angles, isStated }) => ({
          ...{ band: id, detector },
          ...rowsOf(angles, isStated),
        })),
      ),
  }
}

/** Mean direction over the nodes that have one; NaN where none has. */
export function meanOf(angles: readonly AngleRows[]): Direction {
  const directions = angles.flatMap(({ zenith, azimuth }) =>
    zenith.flatMap((row, j) =>
      row.flatMap((value, i): Direction[] => {
        const other = azimuth[j]?.[i]
        return value === null || other === null || other === undefined
          ? []
          : [{ zenith: value, azimuth: other }]
      }),
    ),
  )
  return meanDirection(directions)
}

/** Writes `angles.json` into a product's folder. Rejects with DISK_FULL, WRITE_FAILED. */
export async function writeAngles(folder: string, angles: ProductAngles): Promise<void> {
  try {
    await writeFile(join(folder, ANGLES_FILE), `${JSON.stringify(angles)}\n`)
  } catch (cause) {
    throw publishError(`Writing ${ANGLES_FILE}`, cause)
  }
}

/** Reads it; null where the product has none, as before this file was known and as imported products. Rejects with METADATA_INVALID. */
export async function readProductAngles(folder: string): Promise<ProductAngles | null> {
  const path = join(folder, ANGLES_FILE)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch {
    return null
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ProcessingError('METADATA_INVALID', `'${path}': expected JSON. Make the product again.`, {
      cause,
    })
  }
  const parsed = anglesSchema.safeParse(json)
  if (parsed.success) return parsed.data
  throw new ProcessingError(
    'METADATA_INVALID',
    `'${path}': no angles of a product: ${z.prettifyError(parsed.error)}. Make the product again.`,
  )
}
