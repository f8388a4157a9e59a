import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'

export const MAJA_NAME = 'SENTINEL2A_20170402-093844-724_L2A_T32MNE_C_V1-4'
const R1 = ['B2', 'B3', 'B4', 'B8']
const R2 = ['B5', 'B6', 'B7', 'B8A', 'B11', 'B12']
/** Pixels at 10 m and 20 m, a hundredth of the nominal. */
export const R1_SIZE = 108
const sizeOf = (group: 'R1' | 'R2') => (group === 'R1' ? R1_SIZE : R1_SIZE / 2)

/** What a pixel of column x holds, columns counted at 20 m: outside the image, then one bit after the other of a mask. */
export const maskAt = (mask: string, x: number): number => {
  const bit = 1 << (x % 8)
  if (mask === 'EDG') return x < 4 ? 1 : 0
  if (mask === 'CLM') return x >= 8 && x < 16 ? bit : 0
  if (mask === 'MG2') return x >= 16 && x < 24 ? bit : 0
  return mask === 'SAT' && x >= 24 && x < 32 ? bit : 0
}
export const reflectanceAt = (kind: string, x: number): number =>
  x < 4 ? -10000 : (kind === 'SRE' ? -50 : 100) + 10 * x

/** A product in the format of MAJA, invented, in a folder; returns its path. */
export function makeMaja(folder: string, name = MAJA_NAME): string {
  const path = join(folder, name)
  mkdirSync(join(path, 'MASKS'), { recursive: true })
  const write = (file: string, group: 'R1' | 'R2', type: string, ...planes: ((x: number) => number)[]) => {
    const size = sizeOf(group)
    const image = gdal.open(join(path, file), 'w', 'GTiff', size, size, planes.length, type)
    image.geoTransform = [499980, 109800 / size, 0, 10000000, 0, -109800 / size]
    image.srs = gdal.SpatialReference.fromEPSG(32732)
    for (const [i, plane] of planes.entries()) {
      const column = (k: number) => Math.floor(((k % size) * R1_SIZE) / 2 / size)
      const pixels = Float64Array.from({ length: size * size }, (_, k) => plane(column(k)))
      image.bands.get(i + 1).pixels.write(0, 0, size, size, pixels)
    }
    image.close()
    return file
  }
  const images = (['SRE', 'FRE'] as const).flatMap((kind) =>
    [...R1, ...R2].map((band) =>
      write(`${name}_${kind}_${band}.tif`, R1.includes(band) ? 'R1' : 'R2', gdal.GDT_Int16, (x) =>
        reflectanceAt(kind, x),
      ),
    ),
  )
  const atmosphere = write(
    `${name}_ATB_R1.tif`,
    'R1',
    gdal.GDT_Byte,
    (x) => (x < 4 ? 0 : 45),
    (x) => (x < 4 ? 0 : 30),
  )
  const masks = ['CLM', 'MG2', 'SAT', 'EDG'].map((mask) =>
    write(`MASKS/${name}_${mask}_R1.tif`, 'R1', gdal.GDT_Byte, (x) => maskAt(mask, x)),
  )
  const list = (tag: string, files: string[]) => files.map((file) => `<${tag}>${file}</${tag}>`).join('')
  writeFileSync(
    join(path, `${name}_MTD_ALL.xml`),
    `<?xml version="1.0"?><Muscate_Metadata_Document>
<Dataset_Identification><GEOGRAPHICAL_ZONE type="Tile">T32MNE</GEOGRAPHICAL_ZONE></Dataset_Identification>
<Product_Characteristics><PRODUCT_ID>${name}</PRODUCT_ID><ACQUISITION_DATE>2017-04-02T09:38:44.724Z</ACQUISITION_DATE>
<PRODUCTION_DATE>2017-06-07T16:12:17.380210Z</PRODUCTION_DATE><PRODUCT_VERSION>1.4</PRODUCT_VERSION><PRODUCT_LEVEL>L2A</PRODUCT_LEVEL>
<PLATFORM>SENTINEL2A</PLATFORM><ORBIT_NUMBER type="Orbit">9285</ORBIT_NUMBER></Product_Characteristics>
<Product_Organisation><Muscate_Product>
<Image_List><Image><Image_File_List>${list('IMAGE_FILE', [`./${atmosphere}`, ...images])}</Image_File_List></Image></Image_List>
<Mask_List><Mask><Mask_File_List>${list('MASK_FILE', masks)}</Mask_File_List></Mask></Mask_List>
</Muscate_Product></Product_Organisation>
<Geometric_Informations><Mean_Value_List><Sun_Angles><ZENITH_ANGLE unit="deg">28.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">61.25</AZIMUTH_ANGLE></Sun_Angles></Mean_Value_List></Geometric_Informations>
<Radiometric_Informations><REFLECTANCE_QUANTIFICATION_VALUE>10000</REFLECTANCE_QUANTIFICATION_VALUE>
<WATER_VAPOR_CONTENT_QUANTIFICATION_VALUE>20</WATER_VAPOR_CONTENT_QUANTIFICATION_VALUE>
<AEROSOL_OPTICAL_THICKNESS_QUANTIFICATION_VALUE>200</AEROSOL_OPTICAL_THICKNESS_QUANTIFICATION_VALUE>
<Special_Values_List><SPECIAL_VALUE name="nodata">-10000</SPECIAL_VALUE><SPECIAL_VALUE name="water_vapor_content_nodata">0</SPECIAL_VALUE><SPECIAL_VALUE name="aerosol_optical_thickness_nodata">0</SPECIAL_VALUE></Special_Values_List>
</Radiometric_Informations></Muscate_Metadata_Document>`,
  )
  return path
}
