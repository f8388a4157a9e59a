import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import gdal from '../../src/raster/gdal.js'

/** The same product whose ground lies elsewhere: the files named say another place. Returns the folder `parent`, which holds it. */
export function movedReference(
  folder: string,
  parent: string,
  {
    files,
    eastM,
    northM,
  }: { readonly files: readonly string[]; readonly eastM: number; readonly northM: number },
): string {
  const moved = join(parent, basename(folder))
  cpSync(folder, moved, { recursive: true })
  for (const file of files) {
    const image = gdal.open(join(moved, file), 'r+')
    const [left = 0, width = 0, x = 0, top = 0, y = 0, height = 0] = image.geoTransform ?? []
    image.geoTransform = [left + eastM, width, x, top + northM, y, height]
    image.close()
  }
  const path = join(moved, 'item.json')
  const item = JSON.parse(readFileSync(path, 'utf8')) as { assets: Record<string, Record<string, unknown>> }
  for (const asset of Object.values(item.assets)) delete asset['file:size']
  writeFileSync(path, JSON.stringify(item))
  return parent
}
