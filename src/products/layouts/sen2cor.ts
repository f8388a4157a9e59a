import { SENTINEL2_BAND_FACTS } from '../../domain/sentinel2-band-facts.js'
import { NOMINAL_PIXEL_M, S2_BANDS, type S2Band } from '../../domain/sentinel2.js'
import type { Grid } from '../../domain/grid.js'
import { escapeMarkup } from '../escape-markup.js'
import { meanOf } from '../l2a/angles.js'
import { anglePairXml, directionXml } from './angle-xml.js'
import { compactTime, type ExportFacts } from './export-facts.js'

/** Baseline of products that a user made, as Sen2Cor itself writes it: N9999. */
const BASELINE = '99.99'
/** Added to a digital number before it is divided by the quantification, as from baseline 04.00 on. */
export const BOA_ADD_OFFSET = -1000
export const SEN2COR_SIZES = [10, 20, 60] as const
export type Sen2corSize = (typeof SEN2COR_SIZES)[number]
/** Images by pixel size, as Sen2Cor from baseline 04.00 on; B09 we do not have. */
export const SEN2COR_IMAGES: Readonly<Record<Sen2corSize, readonly string[]>> = {
  10: ['B02', 'B03', 'B04', 'B08', 'TCI', 'AOT', 'WVP'],
  20: ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B8A', 'B11', 'B12', 'TCI', 'AOT', 'WVP', 'SCL'],
  60: ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B8A', 'B11', 'B12', 'TCI', 'AOT', 'WVP', 'SCL'],
}

/** Texts of the classes in the order of their numbers, and their elements in the quality report. */
const CLASSES = [
  ['SC_NODATA', 'NODATA_PIXEL_PERCENTAGE'],
  ['SC_SATURATED_DEFECTIVE', 'SATURATED_DEFECTIVE_PIXEL_PERCENTAGE'],
  ['SC_DARK_FEATURE_SHADOW', 'DARK_FEATURES_PERCENTAGE'],
  ['SC_CLOUD_SHADOW', 'CLOUD_SHADOW_PERCENTAGE'],
  ['SC_VEGETATION', 'VEGETATION_PERCENTAGE'],
  ['SC_NOT_VEGETATED', 'NOT_VEGETATED_PERCENTAGE'],
  ['SC_WATER', 'WATER_PERCENTAGE'],
  ['SC_UNCLASSIFIED', 'UNCLASSIFIED_PERCENTAGE'],
  ['SC_CLOUD_MEDIUM_PROBA', 'MEDIUM_PROBA_CLOUDS_PERCENTAGE'],
  ['SC_CLOUD_HIGH_PROBA', 'HIGH_PROBA_CLOUDS_PERCENTAGE'],
  ['SC_THIN_CIRRUS', 'THIN_CIRRUS_PERCENTAGE'],
  ['SC_SNOW_ICE', 'SNOW_ICE_PERCENTAGE'],
] as const

/** Names by ESA's compact naming convention; nothing in them depends on the clock of the machine. */
export interface Sen2corNames {
  readonly safe: string
  /** Folder below GRANULE/. */
  readonly granule: string
  readonly granuleId: string
  readonly datastripId: string
  readonly datatakeId: string
  /** `T31TCJ_20250510T105621`, the start of images' names. */
  readonly image: string
}

export function sen2corNames(facts: ExportFacts): Sen2corNames {
  const { platform, tile } = facts
  const [datatake, sensed, made] = [facts.datatakeStart, facts.sensedAt, facts.createdAt].map(
    compactTime,
  ) as [string, string, string]
  const orbit = `R${String(facts.relativeOrbit).padStart(3, '0')}`
  const absolute = String(facts.absoluteOrbit ?? 0).padStart(6, '0')
  return {
    safe: `${platform}_MSIL2A_${datatake}_N9999_${orbit}_T${tile}_${made}.SAFE`,
    granule: `L2A_T${tile}_A${absolute}_${sensed}`,
    granuleId: `${platform}_OPER_MSI_L2A_TL_TLTH_${made}_A${absolute}_T${tile}_N${BASELINE}`,
    datastripId: `${platform}_OPER_MSI_L2A_DS_TLTH_${made}_S${sensed}_N${BASELINE}`,
    datatakeId: `G${platform}_${datatake}_${absolute}_N${BASELINE}`,
    image: `T${tile}_${datatake}`,
  }
}

/** Path of an image within the product, without its ending, as IMAGE_FILE names it. */
export const sen2corImage = ({ granule, image }: Sen2corNames, name: string, size: Sen2corSize): string =>
  `GRANULE/${granule}/IMG_DATA/R${size}m/${image}_${name}_${size}m`

/** Percent of each class, by number: class 0 of all pixels, the others of those that have data. */
export function classPercents(counts: readonly number[]): number[] {
  const all = counts.reduce((sum, count) => sum + count, 0)
  const valid = all - (counts[0] ?? 0)
  return CLASSES.map((_, i) => {
    const of = i === 0 ? all : valid
    return of === 0 ? 0 : ((counts[i] ?? 0) / of) * 100
  })
}

const header = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>'
const percent = (value: number) => value.toFixed(6)
const cloudy = (percents: readonly number[]) => (percents[8] ?? 0) + (percents[9] ?? 0) + (percents[10] ?? 0)

/** MTD_MSIL2A.xml after ESA's PSD 14. `images`: those that were written. */
export function sen2corProductXml(
  facts: ExportFacts,
  names: Sen2corNames,
  images: readonly { readonly name: string; readonly size: Sen2corSize }[],
  percents: readonly number[],
): string {
  const ring = [...facts.corners, ...facts.corners.slice(0, 1)].map(([lon, lat]) => `${lat} ${lon}`).join(' ')
  const offsets = S2_BANDS.map((_, i) => `<BOA_ADD_OFFSET band_id="${i}">${BOA_ADD_OFFSET}</BOA_ADD_OFFSET>`)
  const spectral = S2_BANDS.map((band, i) => {
    const { centreUm, fwhmUm } = SENTINEL2_BAND_FACTS[facts.platform][band]
    const nm = (um: number) => String(Math.round(um * 1e4) / 10)
    return `<Spectral_Information bandId="${i}" physicalBand="${band.replace('B0', 'B')}"><RESOLUTION>${NOMINAL_PIXEL_M[band]}</RESOLUTION><Wavelength><MIN unit="nm">${nm(centreUm - fwhmUm / 2)}</MIN><MAX unit="nm">${nm(centreUm + fwhmUm / 2)}</MAX><CENTRAL unit="nm">${nm(centreUm)}</CENTRAL></Wavelength></Spectral_Information>`
  })
  const classes = CLASSES.map(
    ([text], i) =>
      `<Scene_Classification_ID><SCENE_CLASSIFICATION_TEXT>${text}</SCENE_CLASSIFICATION_TEXT><SCENE_CLASSIFICATION_INDEX>${i}</SCENE_CLASSIFICATION_INDEX></Scene_Classification_ID>`,
  )
  const special = (text: string, value: number) =>
    `<Special_Values><SPECIAL_VALUE_TEXT>${text}</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>${value}</SPECIAL_VALUE_INDEX></Special_Values>`
  return `${header}
<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
<!-- ${escapeMarkup(`${facts.name}, written in this layout by ${facts.software}; not a product of Sen2Cor`)} -->
<n1:General_Info>
<Product_Info>
<PRODUCT_START_TIME>${facts.datatakeStart}</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>${facts.datatakeStart}</PRODUCT_STOP_TIME>
<PRODUCT_URI>${names.safe}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
<PROCESSING_BASELINE>${BASELINE}</PROCESSING_BASELINE>
<GENERATION_TIME>${facts.createdAt}</GENERATION_TIME>
<PREVIEW_IMAGE_URL>Not applicable</PREVIEW_IMAGE_URL>
<PREVIEW_GEO_INFO>Not applicable</PREVIEW_GEO_INFO>
<Datatake datatakeIdentifier="${names.datatakeId}">
<SPACECRAFT_NAME>Sentinel-${facts.platform.slice(1)}</SPACECRAFT_NAME>
<DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<DATATAKE_SENSING_START>${facts.datatakeStart}</DATATAKE_SENSING_START>
<SENSING_ORBIT_NUMBER>${facts.relativeOrbit}</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>${facts.orbitDirection}</SENSING_ORBIT_DIRECTION>
</Datatake>
<Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
<Product_Organisation><Granule_List>
<Granule datastripIdentifier="${names.datastripId}" granuleIdentifier="${names.granuleId}" imageFormat="JPEG2000">
${images.map(({ name, size }) => `<IMAGE_FILE>${sen2corImage(names, name, size)}</IMAGE_FILE>`).join('\n')}
</Granule>
</Granule_List></Product_Organisation>
</Product_Info>
<Product_Image_Characteristics>
${special('NODATA', 0)}
${special('SATURATED', 65535)}
<Image_Display_Order><RED_CHANNEL>3</RED_CHANNEL><GREEN_CHANNEL>2</GREEN_CHANNEL><BLUE_CHANNEL>1</BLUE_CHANNEL></Image_Display_Order>
<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE><AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE><WVP_QUANTIFICATION_VALUE unit="cm">1000.0</WVP_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>
<BOA_ADD_OFFSET_VALUES_LIST>
${offsets.join('\n')}
</BOA_ADD_OFFSET_VALUES_LIST>
<Spectral_Information_List>
${spectral.join('\n')}
</Spectral_Information_List>
<REFERENCE_BAND>3</REFERENCE_BAND>
<Scene_Classification_List>
${classes.join('\n')}
</Scene_Classification_List>
</Product_Image_Characteristics>
</n1:General_Info>
<n1:Geometric_Info>
<Product_Footprint><Product_Footprint><Global_Footprint><EXT_POS_LIST>${ring} </EXT_POS_LIST></Global_Footprint></Product_Footprint><RASTER_CS_TYPE>POINT</RASTER_CS_TYPE><PIXEL_ORIGIN>1</PIXEL_ORIGIN></Product_Footprint>
<Coordinate_Reference_System><GEO_TABLES version="1">EPSG</GEO_TABLES><HORIZONTAL_CS_TYPE>GEOGRAPHIC</HORIZONTAL_CS_TYPE></Coordinate_Reference_System>
</n1:Geometric_Info>
<n1:Quality_Indicators_Info>
<Cloud_Coverage_Assessment>${percent(cloudy(percents))}</Cloud_Coverage_Assessment>
<Image_Content_QI>
${contentXml(percents)}
</Image_Content_QI>
</n1:Quality_Indicators_Info>
</n1:Level-2A_User_Product>
`
}

const contentXml = (percents: readonly number[]): string =>
  [
    `<CLOUDY_PIXEL_PERCENTAGE>${percent(cloudy(percents))}</CLOUDY_PIXEL_PERCENTAGE>`,
    ...CLASSES.map(([, element], i) => `<${element}>${percent(percents[i] ?? 0)}</${element}>`),
  ].join('\n')

/** GRANULE/<granule>/MTD_TL.xml. `grids`: of the images by nominal pixel size. */
export function sen2corTileXml(
  facts: ExportFacts,
  names: Sen2corNames,
  grids: Readonly<Record<Sen2corSize, Grid>>,
  percents: readonly number[],
): string {
  const { angles, finest } = facts
  const south = facts.finest.epsg >= 32700
  const zone = String(finest.epsg % 100).padStart(2, '0')
  const bandId = (band: string) => S2_BANDS.indexOf(band as S2Band)
  const sizes = SEN2COR_SIZES.map(
    (size) =>
      `<Size resolution="${size}"><NROWS>${grids[size].height}</NROWS><NCOLS>${grids[size].width}</NCOLS></Size>`,
  )
  const positions = SEN2COR_SIZES.map((size) => {
    const { ulx, uly, pixelWidthM, pixelHeightM } = grids[size]
    return `<Geoposition resolution="${size}"><ULX>${ulx}</ULX><ULY>${uly}</ULY><XDIM>${pixelWidthM}</XDIM><YDIM>${-pixelHeightM}</YDIM></Geoposition>`
  })
  const views =
    angles?.view.map(
      (view) => `<Viewing_Incidence_Angles_Grids bandId="${bandId(view.band)}" detectorId="${view.detector}">
${anglePairXml(view, angles, 'esa')}
</Viewing_Incidence_Angles_Grids>`,
    ) ?? []
  const means = [...new Set((angles?.view ?? []).map(({ band }) => band))].map(
    (band) =>
      `<Mean_Viewing_Incidence_Angle bandId="${bandId(band)}">${directionXml(meanOf((angles?.view ?? []).filter((view) => view.band === band)))}</Mean_Viewing_Incidence_Angle>`,
  )
  const sunGrid =
    angles === null ? '' : `<Sun_Angles_Grid>\n${anglePairXml(angles.sun, angles, 'esa')}\n</Sun_Angles_Grid>`
  return `${header}
<n1:Level-2A_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd">
<n1:General_Info>
<TILE_ID metadataLevel="Brief">${names.granuleId}</TILE_ID>
<DATASTRIP_ID metadataLevel="Standard">${names.datastripId}</DATASTRIP_ID>
<DOWNLINK_PRIORITY metadataLevel="Standard">NOMINAL</DOWNLINK_PRIORITY>
<SENSING_TIME metadataLevel="Standard">${facts.sensedAt}</SENSING_TIME>
<Archiving_Info metadataLevel="Expertise"><ARCHIVING_CENTRE>TLTH</ARCHIVING_CENTRE><ARCHIVING_TIME>${facts.createdAt}</ARCHIVING_TIME></Archiving_Info>
</n1:General_Info>
<n1:Geometric_Info>
<Tile_Geocoding metadataLevel="Brief">
<HORIZONTAL_CS_NAME>WGS84 / UTM zone ${zone}${south ? 'S' : 'N'}</HORIZONTAL_CS_NAME>
<HORIZONTAL_CS_CODE>EPSG:${finest.epsg}</HORIZONTAL_CS_CODE>
${[...sizes, ...positions].join('\n')}
</Tile_Geocoding>
<Tile_Angles metadataLevel="Standard">
${sunGrid}
<Mean_Sun_Angle>${directionXml(facts.sun)}</Mean_Sun_Angle>
${views.join('\n')}
<Mean_Viewing_Incidence_Angle_List>
${means.join('\n')}
</Mean_Viewing_Incidence_Angle_List>
</Tile_Angles>
</n1:Geometric_Info>
<n1:Quality_Indicators_Info metadataLevel="Standard">
<Image_Content_QI>
${contentXml(percents)}
</Image_Content_QI>
<Pixel_Level_QI geometry="FULL_RESOLUTION"/>
</n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
`
}

/** manifest.safe: which files there are. `files`: paths within the product. */
export function sen2corManifest(files: readonly { readonly path: string; readonly bytes: number }[]): string {
  const id = (path: string) => path.replace(/[^A-Za-z0-9]+/g, '_')
  const mime = (path: string) => (path.endsWith('.jp2') ? 'application/octet-stream' : 'text/xml')
  const objects = files.map(
    ({ path, bytes }) =>
      `<dataObject ID="${id(path)}"><byteStream mimeType="${mime(path)}" size="${bytes}"><fileLocation href="./${path}" locatorType="URL"/></byteStream></dataObject>`,
  )
  return `${header}
<xfdu:XFDU xmlns:xfdu="urn:ccsds:schema:xfdu:1" version="esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product">
<informationPackageMap><xfdu:contentUnit ID="S2_Level-2A_Unit" textInfo="Sentinel-2 MSI Level-2A product" unitType="Product_Level-2A">
${files.map(({ path }) => `<xfdu:contentUnit ID="Unit_${id(path)}" unitType="${path.endsWith('.xml') ? 'Metadata' : 'Measurement Data'} Unit"><dataObjectPointer dataObjectID="${id(path)}"/></xfdu:contentUnit>`).join('\n')}
</xfdu:contentUnit></informationPackageMap>
<dataObjectSection>
${objects.join('\n')}
</dataObjectSection>
</xfdu:XFDU>
`
}
