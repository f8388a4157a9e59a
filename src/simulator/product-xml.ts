import { NOMINAL_PIXEL_M, S2_BANDS, type S2Band, type S2Platform } from '../domain/sentinel2.js'
import type { ProductNames } from './product-names.js'

/** Central wavelengths in nm and mean solar irradiances in W/m2/um (rounded values of ESA's spectral response document). */
export const CENTRAL_NM: Readonly<Record<S2Platform, readonly number[]>> = {
  S2A: [442.7, 492.7, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4],
  S2B: [442.3, 492.3, 558.9, 664.9, 703.8, 739.1, 779.7, 832.9, 864, 943.2, 1376.9, 1610.4, 2185.7],
  S2C: [444.2, 489, 560.6, 666.5, 707.1, 741.1, 784.7, 834.6, 865.6, 947.2, 1372.2, 1612, 2191.3],
}
export const IRRADIANCE: readonly number[] = [
  1884.69, 1959.66, 1823.24, 1512.06, 1424.64, 1287.61, 1162.08, 1041.63, 955.32, 812.92, 367.15, 245.59,
  85.25,
]

/** `B01` as the metadata's `physicalBand` writes it. */
const physical = (band: S2Band) => band.replace('B0', 'B')
export const hasRasterMasks = (baseline: string) => Number(baseline) >= 4
/** Added to the digital number's reflectance before it is scaled; none before baseline 04.00. */
export const radioOffset = (baseline: string) => (Number(baseline) >= 4 ? -1000 : 0)

/** Without clouds as it always was: one digit. */
const percent = (value: number, digits: number) => (value === 0 ? (0).toFixed(digits) : value.toFixed(4))

/** MTD_MSIL1C.xml. `footprint` is a closed ring of lat, lon; `bandPixelM` the true pixel sizes; `u` the sun distance factor. */
export function productXml(
  names: ProductNames,
  options: {
    readonly footprint: readonly (readonly [number, number])[]
    readonly u: number
    readonly withTci: boolean
    readonly cloudPercent: number
  },
): string {
  const images = [...S2_BANDS, ...(options.withTci ? (['TCI'] as const) : [])]
  const offsets =
    radioOffset(names.baseline) === 0
      ? ''
      : `
      <Radiometric_Offset_List>${S2_BANDS.map(
        (_, i) => `
        <RADIO_ADD_OFFSET band_id="${i}">${radioOffset(names.baseline)}</RADIO_ADD_OFFSET>`,
      ).join('')}
      </Radiometric_Offset_List>`
  const spectral = S2_BANDS.map(
    (band, i) => `
        <Spectral_Information bandId="${i}" physicalBand="${physical(band)}">
          <RESOLUTION>${NOMINAL_PIXEL_M[band]}</RESOLUTION>
          <Wavelength>
            <CENTRAL unit="nm">${CENTRAL_NM[names.platform][i] ?? 0}</CENTRAL>
          </Wavelength>
        </Spectral_Information>`,
  ).join('')
  return `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-1C_User_Product xmlns:n1="https://psd-${hasRasterMasks(names.baseline) ? '14' : '13'}.sentinel2.eo.esa.int/PSD/User_Product_Level-1C.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>${names.datatakeIso}</PRODUCT_START_TIME>
      <PRODUCT_STOP_TIME>${names.datatakeIso}</PRODUCT_STOP_TIME>
      <PRODUCT_URI>${names.safe}</PRODUCT_URI>
      <PROCESSING_LEVEL>Level-1C</PROCESSING_LEVEL>
      <PRODUCT_TYPE>S2MSI1C</PRODUCT_TYPE>
      <PROCESSING_BASELINE>${names.baseline}</PROCESSING_BASELINE>
      <GENERATION_TIME>${names.generationIso}</GENERATION_TIME>
      <PREVIEW_IMAGE_URL>Not applicable</PREVIEW_IMAGE_URL>
      <PREVIEW_GEO_INFO>Not applicable</PREVIEW_GEO_INFO>
      <Datatake datatakeIdentifier="${names.datatakeId}">
        <SPACECRAFT_NAME>Sentinel-${names.platform.slice(1)}</SPACECRAFT_NAME>
        <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
        <DATATAKE_SENSING_START>${names.datatakeIso}</DATATAKE_SENSING_START>
        <SENSING_ORBIT_NUMBER>${Number(names.orbit)}</SENSING_ORBIT_NUMBER>
        <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
      </Datatake>
      <Query_Options completeSingleTile="true">
        <PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT>
      </Query_Options>
      <Product_Organisation>
        <Granule_List>
          <Granule datastripIdentifier="${names.datastripId}" granuleIdentifier="${names.granuleId}" imageFormat="JPEG2000">${images
            .map(
              (b) => `
            <IMAGE_FILE>GRANULE/${names.granule}/IMG_DATA/${names.image}_${b}</IMAGE_FILE>`,
            )
            .join('')}
          </Granule>
        </Granule_List>
      </Product_Organisation>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Special_Values>
        <SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
        <SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX>
      </Special_Values>
      <Image_Display_Order>
        <RED_CHANNEL>3</RED_CHANNEL>
        <GREEN_CHANNEL>2</GREEN_CHANNEL>
        <BLUE_CHANNEL>1</BLUE_CHANNEL>
      </Image_Display_Order>
      <QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE>${offsets}
      <Reflectance_Conversion>
        <U>${options.u.toFixed(12)}</U>
        <Solar_Irradiance_List>${IRRADIANCE.map(
          (e, i) => `
          <SOLAR_IRRADIANCE bandId="${i}" unit="W/m²/µm">${e}</SOLAR_IRRADIANCE>`,
        ).join('')}
        </Solar_Irradiance_List>
      </Reflectance_Conversion>
      <Spectral_Information_List>${spectral}
      </Spectral_Information_List>
      <REFERENCE_BAND>3</REFERENCE_BAND>
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Product_Footprint>
      <Product_Footprint>
        <Global_Footprint>
          <EXT_POS_LIST>${options.footprint.map(([lat, lon]) => `${lat.toFixed(12)} ${lon.toFixed(12)}`).join(' ')} </EXT_POS_LIST>
        </Global_Footprint>
      </Product_Footprint>
      <RASTER_CS_TYPE>POINT</RASTER_CS_TYPE>
      <PIXEL_ORIGIN>1</PIXEL_ORIGIN>
    </Product_Footprint>
    <Coordinate_Reference_System>
      <GEO_TABLES version="1">EPSG</GEO_TABLES>
      <HORIZONTAL_CS_TYPE>GEOGRAPHIC</HORIZONTAL_CS_TYPE>
    </Coordinate_Reference_System>
  </n1:Geometric_Info>
  <n1:Quality_Indicators_Info>
    <Cloud_Coverage_Assessment>${percent(options.cloudPercent, 1)}</Cloud_Coverage_Assessment>
    <Technical_Quality_Assessment>
      <DEGRADED_ANC_DATA_PERCENTAGE>0.0</DEGRADED_ANC_DATA_PERCENTAGE>
      <DEGRADED_MSI_DATA_PERCENTAGE>0</DEGRADED_MSI_DATA_PERCENTAGE>
    </Technical_Quality_Assessment>
  </n1:Quality_Indicators_Info>
</n1:Level-1C_User_Product>
`
}

/** MTD_DS.xml, as far as readers use it. */
export function datastripXml(names: ProductNames): string {
  return `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-1C_DataStrip_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Datastrip_Metadata.xsd">
  <n1:General_Info>
    <Datatake_Info datatakeIdentifier="${names.datatakeId}" metadataLevel="Brief">
      <SPACECRAFT_NAME>Sentinel-${names.platform.slice(1)}</SPACECRAFT_NAME>
      <DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
      <DATATAKE_SENSING_START>${names.datatakeIso}</DATATAKE_SENSING_START>
      <SENSING_ORBIT_NUMBER>${Number(names.orbit)}</SENSING_ORBIT_NUMBER>
      <SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
    </Datatake_Info>
    <Datastrip_Time_Info metadataLevel="Brief">
      <DATASTRIP_SENSING_START>${names.sensingIso}</DATASTRIP_SENSING_START>
      <DATASTRIP_SENSING_STOP>${names.sensingIso}</DATASTRIP_SENSING_STOP>
    </Datastrip_Time_Info>
    <Processing_Info metadataLevel="Expertise">
      <PROCESSING_BASELINE>${names.baseline}</PROCESSING_BASELINE>
      <PROCESSING_CENTER>TLTH</PROCESSING_CENTER>
      <UTC_DATE_TIME>${names.generationIso}</UTC_DATE_TIME>
    </Processing_Info>
  </n1:General_Info>
  <n1:Image_Data_Info>
    <Tiles_Information metadataLevel="Standard">
      <Tile_List>
        <Tile tileId="${names.granuleId}"/>
      </Tile_List>
    </Tiles_Information>
  </n1:Image_Data_Info>
</n1:Level-1C_DataStrip_ID>
`
}

/** manifest.safe: every file of the product with size and checksum. `path` is relative to the SAFE folder. */
export function manifestXml(
  files: readonly { readonly path: string; readonly size: number; readonly sha3: string }[],
): string {
  const mime = (path: string) => (path.endsWith('.jp2') ? 'application/octet-stream' : 'text/xml')
  const ids = files.map((f) =>
    f.path === 'MTD_MSIL1C.xml' ? 'S2_Level-1C_Product_Metadata' : f.path.replace(/[^A-Za-z0-9_.-]/g, '_'),
  )
  return `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<xfdu:XFDU xmlns:gml="http://www.opengis.net/gml" xmlns:safe="http://www.esa.int/safe/sentinel/1.1" xmlns:xfdu="urn:ccsds:schema:xfdu:1" version="esa/safe/sentinel/1.1/sentinel-2/msi/archive_l1c_user_product">
  <informationPackageMap>
    <xfdu:contentUnit textInfo="SENTINEL-2 MSI Level-1C User Product (simulated)" unitType="Information Package">${ids
      .map(
        (id) => `
      <xfdu:contentUnit ID="${id}_Unit" unitType="${id.endsWith('.jp2') ? 'Measurement Data Unit' : 'Metadata Unit'}">
        <dataObjectPointer dataObjectID="${id}"/>
      </xfdu:contentUnit>`,
      )
      .join('')}
    </xfdu:contentUnit>
  </informationPackageMap>
  <metadataSection/>
  <dataObjectSection>${files
    .map(
      (f, i) => `
    <dataObject ID="${ids[i] ?? ''}">
      <byteStream mimeType="${mime(f.path)}" size="${f.size}">
        <fileLocation href="./${f.path}" locatorType="URL"/>
        <checksum checksumName="SHA3-256">${f.sha3}</checksum>
      </byteStream>
    </dataObject>`,
    )
    .join('')}
  </dataObjectSection>
</xfdu:XFDU>
`
}
