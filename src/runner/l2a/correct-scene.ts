import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { allOrNone } from '../../domain/all-done.js'
import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import type { TileSquare } from '../../domain/mgrs.js'
import { assertSunHighEnough } from '../../processors/l2a/band-table.js'
import {
  chainStart,
  chainWish,
  type ChainStartMode,
  type ChainWish,
} from '../../processors/l2a/chain-mode.js'
import { dayOf, knownShare, leaveMemory, leaveState } from '../../processors/l2a/chain-state.js'
import { isDelivered, isKept, l2a, type L2aParams } from '../../processors/l2a/definition.js'
import { CELL_BAND_IDS } from '../../processors/l2a/cells.js'
import { nbarFactorsOf } from '../../processors/l2a/nbar.js'
import { PRODUCT_FILES, bandFile, productName } from '../../products/layout.js'
import { measurePeakRss, writeReport, type Report } from '../../products/report.js'
import { readL1Scene } from '../../products/read-l1-scene.js'
import { openKernels } from '../open-kernels.js'
import { softwareVersions } from '../software-versions.js'
import type { ThreadBudget } from '../step-context.js'
import { correctBands } from './correct-bands.js'
import { BlockScratch } from './block-scratch.js'
import {
  coefficientsOf,
  decideAtmosphere,
  surfaceOnCells,
  type DecidedAtmosphere,
} from './decide-atmosphere.js'
import { cropScene, type LonLatBox } from './crop-scene.js'
import { placeScene, type Move } from './place-scene.js'
import { prepareGround } from './prepare-ground.js'
import { prepareUncertainty, uncertaintyReportOf, variancePlanesOf } from './prepare-uncertainty.js'
import { nbarFlagsOf, nbarReportOf, prepareNbar } from './prepare-nbar.js'
import { drawQuicklook } from './draw-quicklook.js'
import { elevationReport, surfacePressure, type SurfacePressure } from './elevation.js'
import { FlagPlanes } from './flag-planes.js'
import { layOnReference } from './lay-on-reference.js'
import { measureBands, type Measured } from './measure-bands.js'
import { shapeFor } from './memory-plan.js'
import { productGrids } from './product-grids.js'
import { decideSceneMasks, isMaskBand, maskGrid } from './scene-masks.js'
import { StageClock } from './stage-clock.js'
import { digestOf, writeState } from './state-files.js'
import { cellsOf, finerCellsOf, takeState, type ChainInputs, type WithFolder } from './take-state.js'
import { terrainOf, type Terrain } from './terrain.js'
import { writeSceneAngles } from './write-angles.js'
import { writeItem } from './write-item.js'
import { flagsOf, reportOf, writeAtmosphere } from './write-atmosphere.js'
import { writeMasks } from './write-masks.js'

export interface L2aRequest {
  /** Folder of an L1 product. */
  readonly input: string
  /** The Sentinel-2 tile on whose grid the product is wanted; null: the image's own. */
  readonly onto: TileSquare | null
  /** The part of the scene that is wanted; null: all of it. */
  readonly bbox: LonLatBox | null
  /** As the definition parses them: all keys present. */
  readonly params: L2aParams
  /** Where each parameter came from; `default` where absent. */
  readonly origins: Readonly<Record<string, string>>
  /** Existing folder that gets a folder named after the product. Removing it after an error is the caller's. */
  readonly into: string
  /** Folder below which decoded blocks lie meanwhile, about a byte a pixel; made where it is missing. */
  readonly scratch: string
  /** Called with the product's name before any pixel is read; rejects to refuse the work. */
  readonly accept?: (name: string) => Promise<void>
  readonly threads: ThreadBudget
  /** Multiple of 512; changes memory and speed, no pixel. */
  readonly blockSize: number
  /** Resident memory that the correction may take, MiB: fewer threads and smaller blocks where it asks for it; null: as threads and blocks come to. */
  readonly memoryMb: number | null
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  readonly onNote: (note: string) => void
  /** Asks what there is of the scene's chain. Called once. */
  readonly chain: (wish: ChainWish, scene: L1Scene) => Promise<ChainInputs>
  /** For products of a backward start that may be archives; absent: all are folders. */
  readonly withFolder?: WithFolder
}

/** How a date began, and what it left for the next one. */
export interface ChainLink {
  readonly mode: ChainStartMode
  readonly wish: ChainWish
  /** Of the state that it left, see `digestOf`. */
  readonly digest: string
}

export interface L2aOutcome {
  readonly name: string
  readonly folder: string
  readonly scene: L1Scene
  /** [west, south, east, north] degrees, east > 180 over the antimeridian. */
  readonly bbox: readonly [number, number, number, number]
  readonly report: Report
  readonly link: ChainLink
}

/**
 * Corrects one L1 product: reflectance COGs, masks, atmosphere, STAC item, quicklook, report. The same function serves the
 * command line and the scheduled step, so their pixels are the same.
 * @throws ProcessingError with the codes of the definition, MEMORY_TOO_SMALL, DISK_FULL, WRITE_FAILED; the signal's reason when aborted.
 */
export async function correctScene(request: L2aRequest): Promise<L2aOutcome> {
  const { params, signal } = request
  const clock = new StageClock()
  const delivered = await clock.stage('metadata', () => readL1Scene(request.input))
  assertSunHighEnough(delivered.sun)
  const { onto, bbox: box } = request
  const place = (scene: L1Scene, move: Move | null) => {
    const whole = placeScene(scene, { onto, move })
    return box === null ? whole : cropScene(whole, box)
  }
  const placed = place(delivered, null)
  const nbar = prepareNbar(placed, params)
  const choice = chooseBands(placed, params.bands)
  for (const note of placed.notes) request.onNote(note)
  const { threads, blockSize } = shapeFor(placed, request)
  const name = productName({
    platform: placed.platform,
    level: 'L2A',
    tile: placed.tile,
    sensedAt: placed.namedAt,
    relativeOrbit: placed.relativeOrbit,
  })
  await request.accept?.(name)
  const folder = join(request.into, name)
  await mkdir(folder)
  const kernels = await openKernels(threads)
  const { budget, pool } = kernels
  const scratch = await BlockScratch.open(request.scratch)
  try {
    const work = { params, blockSize, pool, budget, signal }
    const laid = await clock.stage('coregister', () =>
      layOnReference(placed, (move) => place(delivered, move), params.coregister, work),
    )
    const { scene } = laid
    const { finest } = productGrids(scene)
    const notes = [...scene.notes, ...laid.notes]
    if (box !== null) notes.push(`Only what holds the box ${box.join(', ')} degrees was corrected.`)
    const wish = chainWish(params, scene.satellite)
    const inputs = await request.chain(wish, scene)
    const { previous, following } = inputs
    const mode = chainStart(params.mode, wish, {
      hasPrevious: previous !== null,
      following: following.length,
    })
    const [cellsGrid, finer] = [cellsOf(scene), finerCellsOf(scene)]
    // A backward start reads as many bands again as all its dates have.
    const bandsFrom = mode === 'backward' ? 0.6 : 0.02
    const taken = await clock.stage('state', () =>
      takeState(mode, inputs, cellsGrid, finer, {
        ...work,
        onProgress: (fraction) => {
          request.onProgress(0.02 + fraction * (bandsFrom - 0.02), 'backward start')
        },
        withFolder: request.withFolder ?? ((product, use) => use(product)),
        place: (one) => place(one, null),
      }),
    )
    notes.push(...taken.notes)
    const planes = new FlagPlanes()
    // An elevation model that cannot be used ends decoding at once.
    const [{ cells: toa, fine }, pressure] = await clock.stage('measure', () =>
      allOrNone<[Measured, SurfacePressure]>(signal, [
        (stop) =>
          measureBands({
            ...{ ...work, scene, cells: cellsGrid, keep: { scratch, planes, ...choice }, wanted: () => true },
            fine: { grid: maskGrid(scene), wanted: isMaskBand(scene) },
            signal: stop,
            onProgress: (fraction, note) => {
              request.onProgress(bandsFrom + fraction * 0.6 * (0.9 - bandsFrom), note)
            },
          }),
        () => budget.run(() => surfacePressure(finest, params.dem)),
      ]),
    )
    const elevation = elevationReport(pressure)
    notes.push(...elevation.notes)
    // Finding the air is the work of one thread; the ground leaves the others something to do.
    const [air, terrain] = await clock.stage('decide', () =>
      allOrNone<[DecidedAtmosphere, Terrain | null]>(signal, [
        (stop) =>
          decideAtmosphere({
            ...{ scene, toa, pressure, params, state: taken.known?.state ?? null },
            ...{ blockSize, signal: stop },
          }),
        (stop) => terrainOf(scene, finest, params, { ...work, signal: stop }),
      ]),
    )
    notes.push(...air.notes)
    const seen = { scene, toa, pressure }
    const ground = await clock.stage('ground', () =>
      prepareGround({
        ...{ scene, cells: cellsGrid, params, pool, signal },
        surfaceOf: (band) => surfaceOnCells(seen, air, band),
        isCloud: air.flags,
      }),
    )
    const doubt = await prepareUncertainty(seen, air, params)
    const sloping = { adjacency: params.adjacency, isSloping: terrain !== null }
    const day = dayOf(scene.sensedAt)
    const { known } = taken
    const {
      bands,
      ground: seenGround,
      beside,
    } = await clock.stage('correct', () =>
      correctBands({
        ...{ ...work, ...choice, ...ground, terrain, scene, scratch, planes, pressure },
        ...{ cells: cellsGrid, finer, codec: request.codec },
        pathOf: (band, kind) => join(folder, bandFile(band, kind)),
        nbarOf: (band) => nbar && nbarFactorsOf(scene, band, nbar),
        varianceOf: (band) =>
          doubt && variancePlanesOf(seen, air, doubt, sloping, band, ground.knownAround(band)),
        coefficientsOf: (band) =>
          coefficientsOf(seen, air, band, {
            hasSurroundings: params.adjacency,
            isSloping: terrain !== null,
          }),
        // Plain loops of one thread, which the bands that no mask looks at fill the other cores beside.
        onCells: (now) =>
          decideSceneMasks({
            ...{ ...work, scene, toa: fine, wv: meanOf(air.air.wv) },
            chain: known && {
              ...{ coarse: now.cells, reference: known.state, day },
              finer: { now: now.finer, known: known.finer },
            },
          }),
        onProgress: (fraction, note) => {
          request.onProgress(bandsFrom + (0.6 + fraction * 0.4) * (0.9 - bandsFrom), note)
        },
      }),
    )
    if (bands.every(({ statistics }) => statistics.valid_share === 0))
      throw new ProcessingError(
        'NO_VALID_PIXEL',
        `'${request.input}' has no pixel with data in any band: the swath does not touch this tile. Nothing was made.`,
      )
    request.onProgress(0.91, 'masks')
    const write = {
      ...{ ...work, scene, planes, folder, codec: request.codec, cells: cellsGrid, finer },
      ...{
        decided: { grid: fine.grid, ...beside },
        isDefaultAir: air.isDefault,
        cloudMask: params.cloud_mask,
      },
      terrain,
    }
    const shares = await clock.stage('masks', () => writeMasks(write))
    mustBeClearEnough(shares.cloud, params.max_cloud, request.input)
    const left = {
      state: leaveState(known?.state ?? null, seenGround.cells, shares.isClear, day, air.colours),
      finer: leaveMemory(known?.finer ?? null, seenGround.finer, shares.isClearFiner, day),
    }
    await clock.stage('state', () => writeState(folder, left, write))
    await clock.stage('atmosphere', () => writeAtmosphere(write, air))
    await clock.stage('angles', () => writeSceneAngles(folder, scene, cellsGrid, write))
    request.onProgress(0.97, 'quicklook and item')
    const kept = scene.bands.map(({ id }) => id).filter(choice.isKept)
    const quicklookTitle = await clock.stage('quicklook', () =>
      drawQuicklook(folder, kept, (band) => bandFile(band, 'sre')),
    )
    const versions = softwareVersions()
    const createdAt = new Date().toISOString()
    const report: Report = {
      schema: 'tilth-report/1',
      product: name,
      processor: { name: l2a.name, version: l2a.version },
      versions,
      created: createdAt,
      inputs: [
        {
          kind: scene.kind,
          name: scene.productUri,
          detail: scene.detail,
        },
        ...(params.dem === null ? [] : [{ kind: 'DEM', name: params.dem, detail: elevation.detail }]),
        ...laid.inputs,
      ],
      parameters: Object.fromEntries(
        Object.entries(params).map(([key, value]) => [
          key,
          { value, origin: request.origins[key] ?? 'default' },
        ]),
      ),
      resources: {
        ...clock.total(),
        ...{ peak_rss_mb: measurePeakRss(), threads: threads.value },
        scratch_mb: Math.round(scratch.bytes / 2 ** 20),
      },
      stages: clock.stages(),
      valid_share: shares.valid,
      cloud_share: shares.cloud,
      bands: bands.map((b) => b.statistics),
      chain: {
        mode,
        previous: mode === 'nominal' ? (previous?.name ?? null) : null,
        known_share: known === null ? 0 : knownShare(known.state),
        known_after_share: knownShare(left.state),
      },
      atmosphere: reportOf(air),
      ...(placed.tile === delivered.tile ? {} : { placed: placedReportOf(delivered, placed) }),
      ...(laid.coregistration === null ? {} : { coregistration: laid.coregistration }),
      ...(nbar === null ? {} : { nbar: nbarReportOf(scene, nbar, choice.isKept) }),
      ...(doubt === null ? {} : { uncertainty: uncertaintyReportOf(doubt, params) }),
      notes,
      flags: [
        ...flagsOf(air),
        ...(placed.tile === delivered.tile ? [] : ['on_sentinel2_tile']),
        ...(box === null ? [] : ['cropped']),
        ...laid.flags,
        ...(nbar === null ? [] : nbarFlagsOf(scene, nbar)),
        ...elevation.flags,
        ...taken.flags,
        ...scene.flags,
      ],
    }
    await writeReport(join(folder, PRODUCT_FILES.report), report)
    const { bbox } = await writeItem({
      ...{ folder, name, scene, air, nbar, bands, quicklookTitle, shares, versions, createdAt },
      ...{ cells: cellsGrid, finer },
      coregistration: laid.coregistration,
    })
    request.onProgress(1, 'done')
    const link = { mode, wish, digest: digestOf(left) }
    return { name, folder, scene, bbox, report, link }
  } finally {
    await scratch.close()
    await kernels.close()
  }
}

/** Which bands get files, and which are corrected for the chain and the flags besides. Throws BAD_ARGUMENT where none would get any. */
function chooseBands({ satellite, bands }: L1Scene, wanted: string) {
  const chained = Object.values(CELL_BAND_IDS[satellite])
  const choice = {
    isKept: (band: string) => isKept(satellite, band, wanted),
    isCorrected: (band: string) =>
      isDelivered(satellite, band) && (isKept(satellite, band, wanted) || chained.includes(band)),
  }
  if (bands.some(({ id }) => choice.isKept(id))) return choice
  const there = bands.map(({ id }) => id).filter((id) => isDelivered(satellite, id))
  throw new ProcessingError(
    'BAD_ARGUMENT',
    `bands is '${wanted}': expected one of ${there.join(', ')}, which this product has, at least.`,
  )
}

function mustBeClearEnough(cloud: number | null, maxCloud: number, input: string): void {
  if (cloud === null || cloud * 100 <= maxCloud) return
  throw new ProcessingError(
    'TOO_CLOUDY',
    `'${input}': ${(cloud * 100).toFixed(1)} % of the valid pixels are cloud or shadow, at most ${maxCloud} % are accepted (max_cloud). Nothing was made.`,
  )
}

const placedReportOf = (delivered: L1Scene, { tile }: L1Scene): NonNullable<Report['placed']> => ({
  grid: `sentinel2:${tile}`,
  image_tile: delivered.tile,
  image_epsg: delivered.bands[0]?.grid.epsg ?? 0,
})

/** Of the values that are numbers; 0 where there is none. */
function meanOf(values: Float32Array): number {
  const known = values.filter((value) => !Number.isNaN(value))
  return known.length === 0 ? 0 : known.reduce((sum, value) => sum + value, 0) / known.length
}
