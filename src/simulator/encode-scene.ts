import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { NOMINAL_PIXEL_M, S2_BANDS } from '../domain/sentinel2.js'
import { createStrips, encodeJp2 } from '../raster/encode-jp2.js'
import { hasRasterMasks } from './product-xml.js'
import { detectorsOf, runsOnRow } from './scene-angles.js'
import { gridOf, type Scene } from './scene.js'

/** Compresses all images, two at a time, the largest first; what equals another image is copied. */
export async function encodeScene(scene: Scene, scratch: string, granule: string): Promise<void> {
  const { names } = scene
  const image = (what: string) => join(granule, 'IMG_DATA', `${names.image}_${what}.jp2`)
  const jobs: { from: string; to: string; copies: string[] }[] = []
  if (scene.withTci) jobs.push({ from: 'TCI', to: image('TCI'), copies: [] })
  const bySize = [...S2_BANDS].sort((a, b) => NOMINAL_PIXEL_M[a] - NOMINAL_PIXEL_M[b])
  for (const band of bySize) jobs.push({ from: band, to: image(band), copies: [] })
  jobs.push({ from: 'PVI', to: join(granule, 'QI_DATA', `${names.image}_PVI.jp2`), copies: [] })
  if (hasRasterMasks(names.baseline)) {
    for (const resolution of [10, 20, 60] as const) {
      writeRasterMasks(scene, scratch, resolution)
      const bands = S2_BANDS.filter((band) => NOMINAL_PIXEL_M[band] === resolution)
      for (const type of ['DETFOO', 'QUALIT']) {
        const [to, ...copies] = bands.map((band) => join(granule, 'QI_DATA', `MSK_${type}_${band}.jp2`))
        if (to !== undefined) jobs.push({ from: `${type}_${resolution}`, to, copies })
      }
    }
    createStrips(join(scratch, 'CLASSI.tif'), gridOf(scene, 60), 'uint8', {
      compress: true,
      planes: 3,
    }).close()
    jobs.push({ from: 'CLASSI', to: join(granule, 'QI_DATA', 'MSK_CLASSI_B00.jp2'), copies: [] })
  }
  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const source = join(scratch, `${job.from}.tif`)
      await encodeJp2(source, job.to)
      for (const copy of job.copies) await copyFile(job.to, copy)
      await rm(source)
    }
  }
  await Promise.all([worker(), worker()])
}

/** MSK_DETFOO (the detector's number) and MSK_QUALIT (8 planes; the sixth tells pixels without data) of one pixel size. */
function writeRasterMasks(scene: Scene, scratch: string, resolution: 10 | 20 | 60): void {
  const grid = gridOf(scene, resolution)
  const footprint = createStrips(join(scratch, `DETFOO_${resolution}.tif`), grid, 'uint8', { compress: true })
  const quality = createStrips(join(scratch, `QUALIT_${resolution}.tif`), grid, 'uint8', {
    compress: true,
    planes: 8,
  })
  const detectors = detectorsOf(scene.pass)
  for (let top = 0; top < grid.height; top += 1024) {
    const rows = Math.min(1024, grid.height - top)
    const plane = new Uint8Array(grid.width * rows)
    for (let row = 0; row < rows; row++) {
      const runs = runsOnRow(
        scene.pass,
        detectors,
        (top + row + 0.5) * grid.pixelHeightM,
        grid.pixelWidthM,
        grid.width,
      )
      for (const { detector, from, to } of runs)
        plane.fill(detector, row * grid.width + from, row * grid.width + to)
    }
    footprint.write(top, rows, plane)
    if (plane.includes(0))
      quality.write(
        top,
        rows,
        plane.map((detector) => (detector === 0 ? 1 : 0)),
        5,
      )
  }
  footprint.close()
  quality.close()
}
