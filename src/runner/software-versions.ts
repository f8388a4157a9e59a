import { createRequire } from 'node:module'
import { simdTarget } from '../kernels/addon.js'
import { gdalVersion } from '../raster/gdal-runtime.js'

/** What made a product: program, GDAL, Node, and the instruction set of the kernels (which changes no byte). */
export function softwareVersions(): Readonly<Record<string, string>> {
  const { version } = createRequire(import.meta.url)('#package.json') as { version: string }
  return { tilth: version, gdal: gdalVersion(), node: process.versions.node, simd: simdTarget() }
}
