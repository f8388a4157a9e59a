import { readFileSync, rmSync, utimesSync, writeFileSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { afterEach, describe, expect, test } from 'vitest'
import { NOMINAL_PIXEL_M, S2_BANDS } from '../../../src/domain/sentinel2.js'
import { parseProductMetadata, parseTileMetadata } from '../../../src/products/sentinel2/parse-metadata.js'
import { parseXml } from '../../../src/products/sentinel2/parse-xml.js'
import { readL1cMetadata } from '../../../src/products/sentinel2/read-l1c.js'
import { toaReflectance } from '../../../src/products/sentinel2/toa-reflectance.js'
import { openRaster } from '../../../src/raster/open-raster.js'
import {
  copyRealL1c,
  hasRealL1c,
  imageOf,
  REAL_L1C,
  S2_METADATA,
  truncateFile,
} from '../../support/safe-copy.js'

const removals: (() => void)[] = []
afterEach(() => {
  for (const remove of removals.splice(0)) remove()
})
function copy(name?: string) {
  const made = copyRealL1c(name)
  removals.push(made.remove)
  return made
}
/** Nothing below the copy changes any more: faults are final. */
const settled = { now: new Date(Date.now() + 3_600_000) }

/** VALUES of one grid straight from the text, without our parser. */
function valuesInXml(xml: string, bandId: number, detector: number, which: 'Zenith' | 'Azimuth'): number[] {
  const start = xml.indexOf(`<Viewing_Incidence_Angles_Grids bandId="${bandId}" detectorId="${detector}">`)
  const block = xml.slice(start, xml.indexOf('</Viewing_Incidence_Angles_Grids>', start))
  const part = block.slice(block.indexOf(`<${which}>`), block.indexOf(`</${which}>`))
  return [...part.matchAll(/<VALUES>(.*?)<\/VALUES>/g)].flatMap((row) =>
    row[1]!.trim().split(/\s+/).map(Number),
  )
}

describe.skipIf(!hasRealL1c)('the real decimated product', () => {
  test('gives its metadata, with the pixel sizes of its images', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    expect(product).toMatchObject({
      platform: 'S2A',
      tile: '55JEJ',
      baseline: '02.06',
      relativeOrbit: 116,
      orbitDirection: 'DESCENDING',
      cloudPercent: 0,
      epsg: 32755,
      datatakeId: 'GS2A_20171207T002051_012840_N02.06',
      datatakeStart: '2017-12-07T00:20:51.026Z',
      sensingTime: '2017-12-07T00:22:52.127Z',
      generationTime: '2017-12-07T03:25:13.000Z',
      extent: [499980, 6789960, 610060, 6900040],
    })
    expect(Object.keys(product.bands).sort()).toEqual([...S2_BANDS].sort())
    for (const [bandId, id] of S2_BANDS.entries()) {
      const band = product.bands[id]!
      expect(band.bandId).toBe(bandId)
      expect(band.path.endsWith(`_${id}.jp2`)).toBe(true)
      expect(band.footprint.path.endsWith(`MSK_DETFOO_${id}.gml`)).toBe(true)
      expect(band.quality.map((mask) => mask.path.slice(-15, -4).replace(/^_/, '')).sort()).toEqual(
        ['DEFECT', 'NODATA', 'SATURA', 'TECQUA']
          .map((kind) => `MSK_${kind}_${id}`.slice(-11).replace(/^_/, ''))
          .sort(),
      )
      expect(band.grid.pixelWidthM).toBe(NOMINAL_PIXEL_M[id] * 64)
      expect(band).toMatchObject({ quantification: 10000, offset: 0 })
    }
    expect(product.clouds?.path.endsWith('MSK_CLOUDS_B00.gml')).toBe(true)
    expect(product.notes.join()).toContain('B02 640 m (nominal 10 m)')
  })

  test('keeps each detector at the values the XML gives for that band and detector, and no other', async () => {
    const product = await readL1cMetadata(REAL_L1C)
    const xml = readFileSync(join(product.granulePath, 'MTD_TL.xml'), 'utf8')
    let nodes = 0
    for (const [bandId, id] of S2_BANDS.entries()) {
      const { detectors } = product.bands[id]!
      expect(detectors.map((d) => d.detector)).toEqual([7, 8, 9, 10, 11, 12])
      for (const { detector, angles, validNodes } of detectors) {
        const zenith = valuesInXml(xml, bandId, detector, 'Zenith')
        const azimuth = valuesInXml(xml, bandId, detector, 'Azimuth')
        expect(zenith).toHaveLength(529)
        let valid = 0
        zenith.forEach((z, i) => {
          if (Number.isNaN(z)) return
          valid++
          expect(angles.zenith[i]).toBe(z)
          expect(angles.azimuth[i]).toBe(azimuth[i])
        })
        expect(validNodes).toBe(valid)
        nodes += valid
        expect(angles.zenith.every((z) => z >= 0 && z < 90)).toBe(true)
        expect(angles.azimuth.every((a) => a >= 0 && a < 360)).toBe(true)
      }
    }
    expect(nodes).toBeGreaterThan(7000)
  })

  test('is read under any folder name and without a manifest', async () => {
    const { path } = copy('L2A looks like this')
    rmSync(join(path, 'manifest.safe'))
    const product = await readL1cMetadata(path)
    expect(product.tile).toBe('55JEJ')
    expect(product.notes.join()).toContain('manifest.safe is missing')
  })

  test('takes the geometry of the XML where an image has no georeference, and says so', async () => {
    const { path, granule } = copy()
    const image = imageOf(granule, 'B05')
    const source = gdal.open(image)
    gdal.drivers
      .get('JP2OpenJPEG')
      .createCopy(`${image}.new.jp2`, source, {
        GEOJP2: 'NO',
        GMLJP2: 'NO',
        REVERSIBLE: 'YES',
        QUALITY: '100',
      })
      .close()
    source.close()
    writeFileSync(image, readFileSync(`${image}.new.jp2`))
    rmSync(`${image}.new.jp2`)
    rmSync(`${image}.new.jp2.aux.xml`, { force: true })
    const product = await readL1cMetadata(path)
    expect(product.bands.B05!.grid).toEqual({
      epsg: 32755,
      ulx: 499980,
      uly: 6900040,
      width: 86,
      height: 86,
      pixelWidthM: 109800 / 86,
      pixelHeightM: 109800 / 86,
    })
    expect(product.notes.join()).toMatch(/Band B05: the image has no georeference/)
  })

  test('notes an optional mask that is named but missing', async () => {
    const { path, granule } = copy()
    rmSync(join(granule, 'QI_DATA/MSK_SATURA_B04.gml'))
    const product = await readL1cMetadata(path)
    expect(product.bands.B04!.quality).toHaveLength(3)
    expect(product.notes.join()).toContain('MSK_SATURA_B04.gml')
  })
})

describe.skipIf(!hasRealL1c)('a broken product', () => {
  test('without MTD_TL.xml is incomplete and the message names the file', async () => {
    const { path, granule } = copy()
    rmSync(join(granule, 'MTD_TL.xml'))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
      message: expect.stringContaining('MTD_TL.xml') as string,
    })
  })

  test('without a band that its metadata lists is incomplete and the message names the image', async () => {
    const { path, granule } = copy()
    rmSync(imageOf(granule, 'B8A'))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
      message: expect.stringContaining('_B8A.jp2') as string,
    })
  })

  test('without a detector footprint is incomplete', async () => {
    const { path, granule } = copy()
    rmSync(join(granule, 'QI_DATA/MSK_DETFOO_B09.gml'))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
      message: expect.stringContaining('MSK_DETFOO_B09.gml') as string,
    })
  })

  test.each([
    ['text', 'this is no XML'],
    ['nothing', ''],
    ['half a file', '<a><b>'],
    ['zeros', '\0'.repeat(4096)],
    ['an entity bomb', '<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>'],
  ])('with %s for XML names the file', async (_what, content) => {
    const { path, granule } = copy()
    writeFileSync(join(granule, 'MTD_TL.xml'), content)
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringContaining('MTD_TL.xml') as string,
    })
  })

  test.each([
    [
      'QUANTIFICATION_VALUE',
      /<QUANTIFICATION_VALUE.*?<\/QUANTIFICATION_VALUE>/,
      '<QUANTIFICATION_VALUE>0</QUANTIFICATION_VALUE>',
    ],
    ['SENSING_ORBIT_DIRECTION', /DESCENDING/, 'SIDEWAYS'],
    ['inside the product', /GRANULE\/L1C[^<]*_B02</, '../../../../etc/passwd_B02<'],
  ])('with a senseless %s is refused', async (what, pattern, replacement) => {
    const { path } = copy()
    const file = join(path, 'MTD_MSIL1C.xml')
    writeFileSync(file, readFileSync(file, 'utf8').replace(pattern, replacement))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'METADATA_INVALID',
      message: expect.stringContaining(what) as string,
    })
  })

  test('with a cut image is unreadable, wherever the cut', async () => {
    for (const share of [0, 0.01, 0.5, 0.95, 0.9999]) {
      const { path, granule } = copy()
      truncateFile(imageOf(granule, 'B03'), share)
      await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
        code: 'RASTER_UNREADABLE',
        message: expect.stringContaining('_B03.jp2') as string,
      })
    }
  })

  test('of which a file changed moments ago counts as still being copied, later as broken', async () => {
    const { path, granule } = copy()
    truncateFile(imageOf(granule, 'B12'), 0.5)
    rmSync(join(granule, 'MTD_TL.xml'))
    const changed = new Date('2030-01-01T00:00:00Z')
    utimesSync(imageOf(granule, 'B11'), changed, changed)
    const after = (seconds: number) => new Date(changed.getTime() + seconds * 1000)
    await expect(readL1cMetadata(path, { now: after(59) })).rejects.toMatchObject({
      code: 'PRODUCT_COPYING',
      message: expect.stringContaining('MTD_TL.xml') as string,
    })
    await expect(readL1cMetadata(path, { now: after(60) })).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
    })
    await expect(readL1cMetadata(path, { now: after(100), settleSeconds: 120 })).rejects.toMatchObject({
      code: 'PRODUCT_COPYING',
    })
    await expect(readL1cMetadata(path, { now: after(0), settleSeconds: 0 })).rejects.toMatchObject({
      code: 'PRODUCT_INCOMPLETE',
    })
  })

  test('of which half the files have arrived counts as still being copied', async () => {
    const { path, granule } = copy()
    for (const name of readdirSync(join(granule, 'IMG_DATA')).sort().slice(7))
      rmSync(join(granule, 'IMG_DATA', name))
    await expect(readL1cMetadata(path)).rejects.toMatchObject({
      code: 'PRODUCT_COPYING',
      failure: 'transient',
    })
  })

  test('with a band of another place is a grid mismatch', async () => {
    const { path, granule } = copy()
    const image = imageOf(granule, 'B06')
    const source = gdal.open(image)
    const moved = gdal.translate('', source, [
      '-of',
      'MEM',
      '-a_ullr',
      '480000',
      '6900040',
      '590080',
      '6789960',
    ])
    gdal.drivers
      .get('JP2OpenJPEG')
      .createCopy(`${image}.new.jp2`, moved, { REVERSIBLE: 'YES', QUALITY: '100' })
      .close()
    writeFileSync(image, readFileSync(`${image}.new.jp2`))
    await expect(readL1cMetadata(path, settled)).rejects.toMatchObject({
      code: 'GRID_MISMATCH',
      message: expect.stringContaining('Band B06') as string,
    })
  })

  test('that is something else is unsupported', async () => {
    await expect(readL1cMetadata(join(REAL_L1C, 'manifest.safe'))).rejects.toMatchObject({
      code: 'PRODUCT_UNSUPPORTED',
    })
    await expect(readL1cMetadata(join(REAL_L1C, '..'))).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
    await expect(readL1cMetadata('/nowhere/at/all')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const l2a = join(S2_METADATA, 'S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE')
    await expect(readL1cMetadata(l2a, settled)).rejects.toMatchObject({ code: 'PRODUCT_UNSUPPORTED' })
  })
})

describe.skipIf(!existsSync(S2_METADATA))('metadata of other baselines', () => {
  test('has tile, angles and masks by element in all of them', () => {
    const tiles = readdirSync(S2_METADATA)
      .filter((name) => name.endsWith('.SAFE'))
      .map((safe) => {
        const granules = join(S2_METADATA, safe, 'GRANULE')
        const file = join(granules, readdirSync(granules)[0]!, 'MTD_TL.xml')
        const notes: string[] = []
        return parseTileMetadata(parseXml(readFileSync(file, 'utf8'), file), file, notes)
      })
    expect(tiles.map((tile) => tile.tile).sort()).toEqual(['01KAB', '07HFE', '22HBD', '33XWJ', '46RER'])
    for (const tile of tiles) {
      expect(tile.sun.zenith).toHaveLength(529)
      expect(tile.geometry.widthM).toBe(109800)
      expect(tile.viewAngles.size).toBe(13)
      for (const detectors of tile.viewAngles.values())
        for (const { angles } of detectors) expect(angles.zenith.every((z) => z >= 0 && z < 21)).toBe(true)
    }
    const arctic = tiles.find((tile) => tile.tile === '33XWJ')!
    expect(arctic.viewAngles.get(0)!.map((d) => d.detector)).toEqual([12])
    expect(arctic.masks.filter((mask) => mask.type === 'MSK_DETFOO').map((mask) => mask.bandId)).toEqual([
      ...Array(13).keys(),
    ])
  })

  test('turns DN into the reflectance that another reader published, with the offset of the element', async () => {
    const folder = join(S2_METADATA, 'pixel-crops')
    const name = readdirSync(folder)
      .find((file) => file.endsWith('_MTD.xml'))!
      .replace('_MTD.xml', '')
    const file = join(folder, `${name}_MTD.xml`)
    const { offsets, quantification } = parseProductMetadata(parseXml(readFileSync(file, 'utf8'), file), file)
    expect(offsets).toEqual(Array<number>(13).fill(-1000))
    const [dn, toa] = [
      await openRaster(join(folder, `${name}.tif`)),
      await openRaster(join(folder, `${name}_toa.tif`)),
    ]
    expect(dn.bandCount).toBe(13)
    let compared = 0
    for (let band = 0; band < 13; band++) {
      const window = { x: 0, y: 0, width: dn.width, height: dn.height }
      const a = new Uint16Array(dn.width * dn.height)
      const b = new Float64Array(a.length)
      await dn.read(band, window, a)
      await toa.read(band, window, b)
      a.forEach((value, i) => {
        if (value === 0) return
        expect(
          Math.abs(toaReflectance(value, { offset: offsets[band]!, quantification }) - b[i]!),
        ).toBeLessThan(1e-7)
        compared++
      })
    }
    expect(compared).toBeGreaterThan(13)
    dn.close()
    toa.close()
  })

  test('has no offset before baseline 04.00, and refuses a list with holes', () => {
    const before = join(
      S2_METADATA,
      'S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE/MTD_MSIL1C.xml',
    )
    const text = readFileSync(before, 'utf8')
    expect(parseProductMetadata(parseXml(text, before), before).offsets).toEqual(Array<number>(13).fill(0))
    const holes = text.replace(
      '<QUANTIFICATION_VALUE',
      '<Radiometric_Offset_List><RADIO_ADD_OFFSET band_id="3">-1000</RADIO_ADD_OFFSET></Radiometric_Offset_List><QUANTIFICATION_VALUE',
    )
    expect(() => parseProductMetadata(parseXml(holes, before), before)).toThrow(
      /RADIO_ADD_OFFSET is given for 1 of 13/,
    )
  })
})

test('reflectance: DN 0 is no-data before the offset counts, dark pixels stay negative', () => {
  const band = { offset: -1000, quantification: 10000 }
  expect(toaReflectance(0, band)).toBeNaN()
  expect(toaReflectance(1, band)).toBe((1 - 1000) / 10000)
  expect(toaReflectance(3000, band)).toBe(0.2)
})
