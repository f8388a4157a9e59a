import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { S2_PLATFORMS, type S2Platform } from '../../domain/sentinel2.js'
import type { Codec } from '../../domain/codec.js'
import { readProductAngles } from '../../products/l2a/angles.js'
import { lacksBands, openL2aProduct, type L2aProduct } from '../../products/l2a/open-l2a.js'
import { bandFile, parseBandFile, type ReflectanceKind } from '../../products/layout.js'
import type { Layout } from '../../products/layouts/export-facts.js'
import type { HlsFacts } from '../../products/layouts/hls.js'
import { toLonLat } from '../../raster/transform.js'
import { intoFolder } from '../into-folder.js'
import { openKernels } from '../open-kernels.js'
import { softwareVersions } from '../software-versions.js'
import { exportHls } from './export-hls.js'
import { exportSen2cor } from './export-sen2cor.js'
import { exportTheia } from './export-theia.js'
import { gridsOf, type Exported, type ExportWork } from './export-work.js'

const WRITERS: Readonly<Record<Exclude<Layout, 'hls'>, (work: ExportWork) => Promise<Exported>>> = {
  theia: exportTheia,
  sen2cor: exportSen2cor,
}

export interface ExportRequest {
  /** Folder of an L2A product in our layout. */
  readonly product: string
  readonly layout: Layout
  /** Null: the CPUs of this machine. */
  readonly threads: number | null
  /** Of the GeoTIFFs; JPEG 2000 of the layout sen2cor is lossless. */
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

/**
 * Writes one of our L2A products, made here or imported, in another layout below `into`: its files, names, numbers and no-data. Nothing is corrected. Landsat is written as L30 of HLS alone, where it
 * lies on a tile of Sentinel-2.
 * @throws ProcessingError NOT_FOUND, PRODUCT_UNSUPPORTED (no L2A of ours, or Landsat elsewhere), PRODUCT_INCOMPLETE, METADATA_INVALID, RASTER_UNREADABLE, DISK_FULL,
 * WRITE_FAILED; the signal's reason when aborted.
 */
export async function exportProduct(
  { product: path, layout, threads, codec, signal, onProgress }: ExportRequest,
  { into, accept }: { readonly into: string; readonly accept: (name: string) => Promise<void> },
): Promise<Exported> {
  const product = await openL2aProduct(resolve(path))
  const { platform } = product
  if (!isS2(platform)) mustBeL30(product, layout)
  const kernels = await openKernels({
    value: threads ?? availableParallelism(),
    onChange: () => () => undefined,
  })
  try {
    const bands = [...new Set([...product.files].flatMap((file) => parseBandFile(file)?.band ?? []))].sort()
    const kinds = kindsOf(product, bands)
    const work = { product, kinds, bands, into, accept, codec, signal, onProgress, pool: kernels.pool }
    const facts = await factsOf(work)
    if (layout === 'hls') return await exportHls({ ...work, facts })
    if (!isS2(platform))
      throw new ProcessingError('INTERNAL', `${layout} of ${platform}: there is no such layout.`)
    return await WRITERS[layout]({ ...work, facts: { ...facts, platform } })
  } finally {
    await kernels.close()
  }
}

/** The command line's way: one product to `<out>/<name in the layout>/`. @throws ProcessingError as `exportProduct`, BAD_ARGUMENT, CONFLICT. */
export async function exportToFolder(
  request: ExportRequest & { readonly out: string; readonly force: boolean },
): Promise<Exported> {
  const { folder, result } = await intoFolder(request, ({ staging, accept }) =>
    exportProduct(request, { into: staging, accept }),
  )
  return { ...result, folder }
}

const isS2 = (platform: string): platform is S2Platform => S2_PLATFORMS.some((one) => one === platform)

/** Of Landsat there is L30 alone, which lies on tiles of Sentinel-2. */
function mustBeL30({ folder, id }: L2aProduct, layout: Layout): void {
  const refuse = (why: string): never => {
    throw new ProcessingError('PRODUCT_UNSUPPORTED', `'${folder}' is of Landsat: ${why}`)
  }
  if (layout !== 'hls') refuse(`expected Sentinel-2 for ${layout}, which has no Landsat; hls has.`)
  if (/^\d{6}$/.test(id.tile))
    refuse(
      `expected it on a tile of Sentinel-2, on which L30 of HLS lies, found path and row ${id.tile}. Correct it with --grid sentinel2:TILE.`,
    )
}

function kindsOf(product: L2aProduct, bands: readonly string[]): ReflectanceKind[] {
  const kinds = (['sre', 'fre'] as const).filter((kind) =>
    bands.every((band) => product.files.has(bandFile(band, kind))),
  )
  if (bands.length === 0 || kinds.length === 0) throw lacksBands(product, ['B02', ...bands])
  return kinds
}

async function factsOf(work: Omit<ExportWork, 'facts'>): Promise<HlsFacts> {
  const { product } = work
  const grids = await gridsOf(work)
  const finest = grids[10]
  const right = finest.ulx + finest.width * finest.pixelWidthM
  const bottom = finest.uly - finest.height * finest.pixelHeightM
  const corners = toLonLat(finest.epsg, [
    [finest.ulx, finest.uly],
    [right, finest.uly],
    [right, bottom],
    [finest.ulx, bottom],
  ])
  const orbit = /^G\w{3}_\d{8}T\d{6}_(\d{6})_/.exec(product.datatakeId ?? '')?.[1]
  return {
    name: product.name,
    platform: product.platform,
    tile: product.id.tile,
    datatakeStart: new Date(product.id.sensedAt).toISOString(),
    sensedAt: new Date(product.sensedAt).toISOString(),
    createdAt: new Date(product.createdAt).toISOString(),
    relativeOrbit: product.id.relativeOrbit,
    absoluteOrbit: orbit === undefined ? null : Number(orbit),
    orbitDirection: product.orbitDirection ?? 'DESCENDING',
    processorVersion: product.processorVersion ?? '0',
    software: `Tilth ${softwareVersions()['tilth'] ?? ''}`.trim(),
    sun: product.sun,
    view: product.view,
    angles: await readProductAngles(product.folder),
    cloudPercent: product.cloudPercent,
    ...{ grids, finest, corners },
  }
}
