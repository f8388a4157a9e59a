import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { S2_BANDS } from '../../src/domain/sentinel2.js'

const granuleOf = (safe: string) => join(safe, 'GRANULE', readdirSync(join(safe, 'GRANULE'))[0] ?? '')
const tileIdOf = (xml: string) => /<TILE_ID[^>]*>([^<]+)</.exec(xml)?.[1] ?? ''

/**
 * Packs compact products of one datatake as one product of the format before December 2016: several granules in one SAFE, names by tile
 * and creation, images by IMAGE_ID, masks by the file's name alone.
 */
export function toOldSafe(safes: readonly string[], out: string): string {
  const path = join(
    out,
    'S2A_OPER_PRD_MSIL1C_PDMC_20160504T225644_R094_V20160504T105917_20160504T105917.SAFE',
  )
  mkdirSync(join(path, 'GRANULE'), { recursive: true })
  const lists = safes.map((safe) => {
    const granule = granuleOf(safe)
    const xml = readFileSync(join(granule, 'MTD_TL.xml'), 'utf8')
    const id = tileIdOf(xml)
    const image = id.replace(/_N\d\d\.\d\d$/, '')
    const folder = join(path, 'GRANULE', id)
    for (const sub of ['IMG_DATA', 'QI_DATA']) mkdirSync(join(folder, sub), { recursive: true })
    for (const band of S2_BANDS) {
      const file = readdirSync(join(granule, 'IMG_DATA')).find((name) => name.endsWith(`_${band}.jp2`)) ?? ''
      cpSync(join(granule, 'IMG_DATA', file), join(folder, 'IMG_DATA', `${image}_${band}.jp2`))
    }
    for (const file of readdirSync(join(granule, 'QI_DATA')).filter((name) => name.endsWith('.gml')))
      cpSync(join(granule, 'QI_DATA', file), join(folder, 'QI_DATA', oldMaskName(image, file)))
    const renamed = xml.replace(
      /(<MASK_FILENAME[^>]*>)([^<]+)</g,
      (_, tag: string, file: string) => `${tag}${oldMaskName(image, basename(file)).replace('.gml', '')}<`,
    )
    writeFileSync(join(folder, `${image.replace('_MSI_', '_MTD_')}.xml`), renamed)
    const ids = S2_BANDS.map((band) => `<IMAGE_ID>${image}_${band}</IMAGE_ID>`).join('')
    return `<Granule_List><Granules granuleIdentifier="${id}" imageFormat="JPEG2000">${ids}</Granules></Granule_List>`
  })
  const product = readFileSync(join(safes[0] ?? '', 'MTD_MSIL1C.xml'), 'utf8')
    .replace(/<Granule_List>[^]*<\/Granule_List>/, lists.join('\n'))
    .replace(/<PRODUCT_URI>[^<]*/, `<PRODUCT_URI>${basename(path)}`)
  writeFileSync(join(path, 'S2A_OPER_MTD_SAFL1C_PDMC_20160504T225644_R094.xml'), product)
  return path
}

const oldMaskName = (image: string, file: string) => {
  const [, type = '', band = ''] = /^MSK_([A-Z]+)_(B\w\w)\.gml$/.exec(file) ?? []
  return `${image.replace('_MSI_L1C_TL_', `_MSK_${type}_`)}_${band}_MSIL1C.gml`
}

/** Lays a compact product out as the open-data bucket does: tiles/31/T/CJ/2016/5/4/0. */
export function toAws(safe: string, out: string): string {
  const path = join(out, 'tiles/31/T/CJ/2016/5/4/0')
  const granule = granuleOf(safe)
  mkdirSync(join(path, 'qi'), { recursive: true })
  for (const band of S2_BANDS) {
    const file = readdirSync(join(granule, 'IMG_DATA')).find((name) => name.endsWith(`_${band}.jp2`)) ?? ''
    cpSync(join(granule, 'IMG_DATA', file), join(path, `${band}.jp2`))
  }
  for (const file of readdirSync(join(granule, 'QI_DATA')).filter((name) => name.startsWith('MSK_')))
    cpSync(join(granule, 'QI_DATA', file), join(path, 'qi', file))
  cpSync(join(granule, 'MTD_TL.xml'), join(path, 'metadata.xml'))
  const product = readFileSync(join(safe, 'MTD_MSIL1C.xml'), 'utf8')
  const text = (tag: string) => new RegExp(`<${tag}[^>]*>([^<]+)<`).exec(product)?.[1] ?? ''
  writeFileSync(join(path, 'tileInfo.json'), '{"path":"tiles/31/T/CJ/2016/5/4/0"}')
  writeFileSync(
    join(path, 'productInfo.json'),
    JSON.stringify({
      name: text('PRODUCT_URI').replace('.SAFE', ''),
      timestamp: text('DATATAKE_SENSING_START'),
      datatakeIdentifier: /datatakeIdentifier="([^"]+)"/.exec(product)?.[1],
      tiles: [],
    }),
  )
  return path
}
