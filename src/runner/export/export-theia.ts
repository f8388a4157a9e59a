import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Grid } from '../../domain/grid.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { MAJA_MASKS } from '../../products/foreign/read-maja.js'
import { PRODUCT_FILES } from '../../products/layout.js'
import {
  THEIA_AEROSOL,
  THEIA_GROUPS,
  THEIA_MASKS,
  THEIA_NO_DATA,
  THEIA_WATER_VAPOUR,
  theiaBand,
  theiaName,
  theiaXml,
  type TheiaGroup,
  type TheiaMask,
} from '../../products/layouts/theia.js'
import { publishError } from '../../products/publish.js'
import { encodeJpeg } from '../../raster/encode-jpeg.js'
import {
  openAot,
  openBand,
  openMask,
  openWv,
  toStored,
  withLayer,
  withLayers,
  type Exported,
  type ExportWork,
} from './export-work.js'
import { writeCog, writeStrips } from './write-strips.js'

const REFLECTANCE = { scale: 1, offset: 0, least: THEIA_NO_DATA + 1, greatest: 32767, noData: THEIA_NO_DATA }
/** Ours is stored x 1000; a true 0 becomes the least number that is not no-data. */
const layer = (quantification: number) => ({
  scale: quantification / 1000,
  offset: 0,
  ...{ least: 1, greatest: 255, noData: 0 },
})

/**
 * What each value of our mask is in one of theirs: the table by which theirs are read, turned round, with the bits that it leaves out because
 * ours say them elsewhere. Low sun is "sun too low": ours does not tell a tangent sun apart.
 */
export function theiaMaskTable(mask: TheiaMask, group: TheiaGroup): Uint8Array {
  const has = (bits: number, name: keyof typeof MASK_BITS) => (bits & (1 << MASK_BITS[name])) !== 0
  const places: readonly (keyof typeof MASK_BITS | null)[] =
    mask === 'IAB' ? ['defaultAtmosphere', 'defaultAtmosphere'] : MAJA_MASKS[mask]
  return Uint8Array.from({ length: 65536 }, (_, bits) => {
    if (mask === 'EDG') return has(bits, 'noData') ? 1 : 0
    // Which of the visible bands it is ours does not say; those of R2 it does not know.
    if (mask === 'SAT' && group === 'R2') return 0
    const value = places.reduce((sum, name, place) => {
      const isRepeated = mask === 'MG2' && places.indexOf(name) < place
      return name !== null && !isRepeated && has(bits, name) ? sum | (1 << place) : sum
    }, 0)
    if (mask !== 'MG2') return value
    const isShadow = has(bits, 'shadowInside') || has(bits, 'shadowOutside')
    return value | (has(bits, 'cloud') ? 2 : 0) | (isShadow ? 8 : 0)
  })
}

/**
 * Writes the layout of Theia (MUSCATE), as MAJA does: reflectance x 10000 for flat ground (SRE) and, where the product has it, corrected for slopes (FRE), masks
 * at 10 m (R1) and 20 m (R2). A bit at 20 m is set where it is in any pixel below. Rejects with PRODUCT_INCOMPLETE, RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED.
 */
export async function exportTheia(work: ExportWork): Promise<Exported> {
  const { facts, product, signal, pool, codec } = work
  const name = theiaName(facts)
  const folder = join(work.into, name)
  const grids: Readonly<Record<TheiaGroup, Grid>> = { R1: facts.grids[10], R2: facts.grids[20] }
  const bandsOf = (group: TheiaGroup) => THEIA_GROUPS[group].filter((band) => work.bands.includes(band))
  const bands = { R1: bandsOf('R1'), R2: bandsOf('R2') }
  const groups = ['R1', 'R2'] as const
  const kinds = work.kinds.map((kind) => (kind === 'sre' ? 'SRE' : 'FRE'))
  await work.accept(name)
  await mkdir(join(folder, 'MASKS'), { recursive: true })
  const cog = { metadata: {}, signal, pool, codec, scale: 1 }
  const images = work.kinds.flatMap((kind) =>
    groups.flatMap((group) => bands[group].map((band) => ({ kind, group, band }))),
  )
  for (const [i, { kind, group, band }] of images.entries()) {
    work.onProgress((0.7 * i) / images.length, `writing ${band}_${kind}`)
    const path = join(folder, `${name}_${kind.toUpperCase()}_${theiaBand(band)}.tif`)
    const grid = grids[group]
    await withLayer(
      () => openBand(work, band, kind),
      (from) =>
        writeCog(path, {
          ...{ ...cog, grid, dtype: 'int16', noData: THEIA_NO_DATA, scale: 0.0001 },
          description: `${band} surface reflectance`,
          rows: async (y, height) => {
            const values = await from.mean(grid, y, height)
            return toStored(values, new Int16Array(values.length), REFLECTANCE)
          },
        }),
    )
  }
  const hasAtmosphere = product.files.has(PRODUCT_FILES.aot) && product.files.has(PRODUCT_FILES.wv)
  for (const group of groups) {
    const grid = grids[group]
    work.onProgress(group === 'R1' ? 0.7 : 0.85, `writing masks and atmosphere of ${group}`)
    if (hasAtmosphere)
      await withLayers([() => openWv(work), () => openAot(work)], (layers) =>
        writeStrips(join(folder, `${name}_ATB_${group}.tif`), {
          ...{ grid, signal, dtype: 'uint8', bands: 2, compress: true },
          rows: (y, height) =>
            Promise.all(
              layers.map(async (from, i) => {
                const values = await from.mean(grid, y, height)
                const as = layer(i === 0 ? THEIA_WATER_VAPOUR : THEIA_AEROSOL)
                return toStored(values, new Uint8Array(values.length), as)
              }),
            ),
        }),
      )
    for (const mask of THEIA_MASKS) {
      const table = theiaMaskTable(mask, group)
      await withLayer(
        () => openMask(work),
        (from) =>
          writeCog(join(folder, 'MASKS', `${name}_${mask}_${group}.tif`), {
            ...{ ...cog, grid, dtype: 'uint8', noData: null, description: `${mask} mask` },
            rows: async (y, height) =>
              Uint8Array.from(await from.any(grid, y, height), (bits) => table[bits] ?? 0),
          }),
      )
    }
  }
  const hasQuicklook = await encodeJpeg(
    join(product.folder, PRODUCT_FILES.quicklook),
    join(folder, `${name}_QKL_ALL.jpg`),
  )
  try {
    const files = { kinds, bands, grids, hasAtmosphere, hasQuicklook } as const
    await writeFile(join(folder, `${name}_MTD_ALL.xml`), theiaXml(facts, name, files))
  } catch (cause) {
    throw publishError(`Writing ${name}_MTD_ALL.xml`, cause)
  }
  return {
    ...{ name, folder },
    notes: [
      'B01 is no part of the layout. AOT and water vapour are bytes: steps of 0.005 and 0.05 g/cm2, at most 1.275 and 12.75.',
      ...(facts.angles === null
        ? ['The product has no angles.json: the metadata have mean angles of the sun alone.']
        : []),
    ],
  }
}
