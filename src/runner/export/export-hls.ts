import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { L2A_BANDS } from '../../domain/band-choice.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { LANDSAT_L2A_BANDS } from '../../processors/l2a/definition.js'
import { ANGLE_FILES, ANGLE_NO_DATA, bandFile, PRODUCT_FILES } from '../../products/layout.js'
import { coarser } from '../../products/layouts/export-facts.js'
import {
  HLS_ANGLE_NO_DATA,
  HLS_MASK_NO_DATA,
  HLS_NO_DATA,
  hlsAerosolLevel,
  hlsFactor,
  hlsMaskTable,
  hlsMetadata,
  hlsName,
  type HlsFacts,
} from '../../products/layouts/hls.js'
import {
  openAot,
  openBand,
  openMask,
  toStored,
  withLayer,
  withLayers,
  type Exported,
  type ExportWork,
} from './export-work.js'
import { openLayer } from './read-onto.js'
import { stripsOf, writeCog } from './write-strips.js'

const REFLECTANCE = { scale: 1, offset: 0, least: HLS_NO_DATA + 1, greatest: 32767, noData: HLS_NO_DATA }

/**
 * Writes the layout of HLS v2.0: S30, all bands at 30 m as means by area, or L30 of Landsat on a tile of Sentinel-2, its pixels as they are; Fmask, angles. Values are ours: normalised to
 * nadir and adjusted to OLI's bands only where the product has such files.
 * Rejects with PRODUCT_INCOMPLETE, RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED.
 */
export async function exportHls(work: ExportWork<HlsFacts>): Promise<Exported> {
  const { facts, product, signal, pool, codec } = work
  const name = hlsName(facts)
  const folder = join(work.into, name)
  const grid = coarser(facts.finest, hlsFactor(facts))
  await work.accept(name)
  await mkdir(folder)
  // S30 has B09 and B10 as well, at the top of the atmosphere, and L30 B09 and the temperatures of B10 and B11; we have not.
  const isLandsat = product.satellite === 'landsat'
  const order: readonly string[] = isLandsat ? LANDSAT_L2A_BANDS : L2A_BANDS
  const bands = order.filter((band) => work.bands.includes(band))
  const { nbar } = product
  const isNbar = nbar !== null && bands.every((band) => product.files.has(bandFile(band, 'nbar')))
  const kind = isNbar ? 'nbar' : work.kinds.includes('fre') ? 'fre' : 'sre'
  const file = (what: string) => join(folder, `${name}.${what}.tif`)
  const about = hlsMetadata(facts, grid, await percentWithData(work), isNbar ? nbar : null)
  const cog = { grid, signal, pool, codec }
  for (const [i, band] of bands.entries()) {
    work.onProgress((0.85 * i) / bands.length, `writing ${band}`)
    await withLayer(
      () => openBand(work, band, kind),
      (from) =>
        writeCog(file(band), {
          ...{
            ...cog,
            dtype: 'int16',
            noData: HLS_NO_DATA,
            scale: 0.0001,
            description: `${band} surface reflectance`,
          },
          metadata: {
            ...about,
            long_name: band,
            scale_factor: '0.0001',
            add_offset: '0',
            _FillValue: String(HLS_NO_DATA),
          },
          rows: async (y, height) => {
            const values = await from.mean(grid, y, height)
            return toStored(values, new Int16Array(values.length), REFLECTANCE)
          },
        }),
    )
  }
  work.onProgress(0.85, 'writing Fmask')
  const table = hlsMaskTable()
  const aot = product.files.has(PRODUCT_FILES.aot) ? [() => openAot(work)] : []
  await withLayers([() => openMask(work), ...aot], async ([mask, aerosol]) => {
    if (mask === undefined) return
    await writeCog(file('Fmask'), {
      ...{ ...cog, dtype: 'uint8', noData: HLS_MASK_NO_DATA, scale: 1, description: 'Fmask bits' },
      metadata: { ...about, _FillValue: String(HLS_MASK_NO_DATA) },
      rows: async (y, height) => {
        const bits = await mask.any(grid, y, height)
        const values = await aerosol?.mean(grid, y, height)
        return Uint8Array.from(bits, (value, i) => {
          const classes = table[value] ?? 0
          if (classes === HLS_MASK_NO_DATA) return classes
          const isDefault = (value & (1 << MASK_BITS.defaultAtmosphere)) !== 0
          return classes | hlsAerosolLevel((values?.[i] ?? NaN) / 1000, isDefault)
        })
      },
    })
  })
  const angles = ANGLE_FILES.filter((one) => product.files.has(one))
  for (const one of angles)
    await withLayer(
      async () => openLayer(await product.path(one), ANGLE_NO_DATA),
      (from) =>
        writeCog(file(one.replace('.tif', '')), {
          ...{
            ...cog,
            dtype: 'uint16',
            noData: HLS_ANGLE_NO_DATA,
            scale: 0.01,
            description: one.replace('.tif', ''),
          },
          metadata: {
            ...about,
            scale_factor: '0.01',
            add_offset: '0',
            _FillValue: String(HLS_ANGLE_NO_DATA),
          },
          rows: async (y, height) =>
            (await from.nearest(grid, y, height)).map((v) => (v === ANGLE_NO_DATA ? HLS_ANGLE_NO_DATA : v)),
        }),
    )
  return {
    ...{ name, folder },
    notes: [
      ...(isNbar
        ? []
        : ['Reflectance is not normalised to nadir (NBAR), as that of HLS is: correct with nbar for that.']),
      ...(isLandsat || (isNbar && nbar.bandpass === 'oli')
        ? []
        : ['Reflectance is not adjusted to the bands of OLI, as that of HLS is.']),
      isLandsat ? 'B09, B10 and B11 are missing.' : 'B09 and B10 are missing.',
      ...(angles.length === ANGLE_FILES.length
        ? []
        : ['The product has no rasters of angles: SZA, SAA, VZA, VAA are missing.']),
    ],
  }
}

/** Percent of the tile's pixels with data in every band. */
async function percentWithData(work: Pick<ExportWork, 'product'>): Promise<number> {
  return withLayer(
    () => openMask(work),
    async (mask) => {
      let valid = 0
      for (const { y, height } of stripsOf(mask.grid))
        for (const bits of await mask.any(mask.grid, y, height))
          if ((bits & (1 << MASK_BITS.noData)) === 0) valid++
      return (valid / (mask.grid.width * mask.grid.height)) * 100
    },
  )
}
