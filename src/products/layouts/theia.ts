import { SENTINEL2_BAND_FACTS } from '../../domain/sentinel2-band-facts.js'
import type { S2Band } from '../../domain/sentinel2.js'
import type { Grid } from '../../domain/grid.js'
import { escapeMarkup } from '../escape-markup.js'
import { meanOf } from '../l2a/angles.js'
import { anglePairXml, directionXml } from './angle-xml.js'
import type { ExportFacts } from './export-facts.js'

/** Bands by group of pixels: R1 has 10 m, R2 20 m. B01, B09 and B10 are no part of the format. */
export const THEIA_GROUPS = {
  R1: ['B02', 'B03', 'B04', 'B08'],
  R2: ['B05', 'B06', 'B07', 'B8A', 'B11', 'B12'],
} as const
export type TheiaGroup = keyof typeof THEIA_GROUPS
export const THEIA_MASKS = ['CLM', 'MG2', 'SAT', 'EDG', 'IAB'] as const
export type TheiaMask = (typeof THEIA_MASKS)[number]

/** Stored value of no-data; reflectance x 10000. */
export const THEIA_NO_DATA = -10000
/** Water vapour in g/cm2 and aerosol optical thickness are bytes: value = DN / these; 0 is no-data. */
export const THEIA_WATER_VAPOUR = 20
export const THEIA_AEROSOL = 200

/** `B02` as the format writes it. */
export const theiaBand = (band: string): string => band.replace('B0', 'B')

/** `SENTINEL2A_20250510-105621-123_L2A_T31TCJ_C_V2-0`: time of sensing with milliseconds, and the version of our processor. */
export function theiaName({ platform, sensedAt, tile, processorVersion }: ExportFacts): string {
  const iso = new Date(sensedAt).toISOString()
  const time = `${iso.slice(0, 10).replaceAll('-', '')}-${iso.slice(11, 19).replaceAll(':', '')}-${iso.slice(20, 23)}`
  return `SENTINEL2${platform.slice(2)}_${time}_L2A_T${tile}_C_V${theiaVersion(processorVersion).replace('.', '-')}`
}
const theiaVersion = (processorVersion: string): string =>
  /^\d+$/.test(processorVersion) ? `${processorVersion}.0` : '0.0'

/** What each bit of a mask says, by place, for the metadata. */
const NATURES: Readonly<Record<TheiaMask, readonly string[]>> = {
  CLM: ['Cloud'],
  MG2: [
    'Water',
    'Cloud',
    'Snow',
    'Cloud_Shadow',
    'Topography_Shadow',
    'Hidden_Surface',
    'Sun_Too_Low',
    'Tangent_Sun',
  ],
  SAT: ['Saturation'],
  EDG: ['Edge'],
  IAB: ['Water_Vapor_Interpolation', 'Aerosol_Interpolation'],
}

export interface TheiaFiles {
  readonly kinds: readonly ('SRE' | 'FRE')[]
  /** Present bands by group. */
  readonly bands: Readonly<Record<TheiaGroup, readonly string[]>>
  readonly grids: Readonly<Record<TheiaGroup, Grid>>
  readonly hasAtmosphere: boolean
  readonly hasQuicklook: boolean
}

/** `<name>_MTD_ALL.xml` of the format of MUSCATE. */
export function theiaXml(facts: ExportFacts, name: string, files: TheiaFiles): string {
  const { angles, finest } = facts
  const groups = Object.keys(THEIA_GROUPS) as TheiaGroup[]
  const ids = (bands: readonly string[]) =>
    `count="${bands.length}">${bands.map((band) => `<BAND_ID>${theiaBand(band)}</BAND_ID>`).join('')}`
  const properties = (tag: 'Image' | 'Mask', nature: string, encoding: string) =>
    `<${tag}_Properties><NATURE>${nature}</NATURE><FORMAT>image/tiff</FORMAT><ENCODING>${encoding}</ENCODING><ENDIANNESS>LittleEndian</ENDIANNESS></${tag}_Properties>`
  const atmosphere = (nature: string, band: number) =>
    `<Image>${properties('Image', nature, 'uint8')}<Image_File_List>${groups.map((group) => `<IMAGE_FILE group_id="${group}" band_number="${band}">./${name}_ATB_${group}.tif</IMAGE_FILE>`).join('')}</Image_File_List></Image>`
  const reflectance = (kind: 'SRE' | 'FRE') =>
    `<Image>${properties('Image', kind === 'SRE' ? 'Surface_Reflectance' : 'Flat_Reflectance', 'int16')}<Image_File_List>
${groups
  .flatMap((group) => files.bands[group])
  .map(
    (band) =>
      `<IMAGE_FILE band_id="${theiaBand(band)}">./${name}_${kind}_${theiaBand(band)}.tif</IMAGE_FILE>`,
  )
  .join('\n')}
</Image_File_List></Image>`
  const maskFiles = (mask: TheiaMask, bit: number) =>
    groups
      .flatMap((group) => {
        const path = `./MASKS/${name}_${mask}_${group}.tif`
        if (mask === 'SAT')
          return files.bands[group].map(
            (band, i) => `<MASK_FILE band_id="${theiaBand(band)}" bit_number="${i}">${path}</MASK_FILE>`,
          )
        const bits = NATURES[mask].length > 1 ? ` bit_number="${bit}"` : ''
        return [`<MASK_FILE group_id="${group}"${bits}>${path}</MASK_FILE>`]
      })
      .join('')
  const masks = THEIA_MASKS.flatMap((mask) =>
    NATURES[mask].map(
      (nature, bit) =>
        `<Mask>${properties('Mask', nature, 'uint8')}<Mask_File_List>${maskFiles(mask, bit)}</Mask_File_List></Mask>`,
    ),
  )
  const pointNames = ['upperLeft', 'upperRight', 'lowerRight', 'lowerLeft']
  const right = finest.ulx + finest.width * finest.pixelWidthM
  const bottom = finest.uly - finest.height * finest.pixelHeightM
  const places = [
    [finest.ulx, finest.uly],
    [right, finest.uly],
    [right, bottom],
    [finest.ulx, bottom],
  ]
  const points = facts.corners.map(
    ([lon, lat], i) =>
      `<Point name="${pointNames[i] ?? ''}"><LAT>${lat}</LAT><LON>${lon}</LON><X>${places[i]?.[0] ?? ''}</X><Y>${places[i]?.[1] ?? ''}</Y></Point>`,
  )
  const positions = groups.map((group) => {
    const { ulx, uly, pixelWidthM, pixelHeightM, width, height } = files.grids[group]
    return `<Group_Geopositioning group_id="${group}"><ULX>${ulx}</ULX><ULY>${uly}</ULY><XDIM>${pixelWidthM}</XDIM><YDIM>${-pixelHeightM}</YDIM><NROWS>${height}</NROWS><NCOLS>${width}</NCOLS></Group_Geopositioning>`
  })
  const all = groups.flatMap((group) => files.bands[group])
  const viewOf = (band: string) => (angles?.view ?? []).filter((view) => view.band === band)
  const views = all
    .filter((band) => viewOf(band).length > 0)
    .map(
      (band) =>
        `<Mean_Viewing_Incidence_Angle band_id="${theiaBand(band)}">${directionXml(meanOf(viewOf(band)))}</Mean_Viewing_Incidence_Angle>`,
    )
  const grids =
    angles === null
      ? ''
      : `<Angles_Grids_List>
<Sun_Angles_Grids>
${anglePairXml(angles.sun, angles, 'theia')}
</Sun_Angles_Grids>
<Viewing_Incidence_Angles_Grids_List>
${all
  .filter((band) => viewOf(band).length > 0)
  .map(
    (band) => `<Band_Viewing_Incidence_Angles_Grids_List band_id="${theiaBand(band)}">
${viewOf(band)
  .map(
    (view) =>
      `<Viewing_Incidence_Angles_Grids detector_id="${String(view.detector).padStart(2, '0')}">\n${anglePairXml(view, angles, 'theia')}\n</Viewing_Incidence_Angles_Grids>`,
  )
  .join('\n')}
</Band_Viewing_Incidence_Angles_Grids_List>`,
  )
  .join('\n')}
</Viewing_Incidence_Angles_Grids_List>
</Angles_Grids_List>`
  const spectral = all.map((band) => {
    const { centreUm } = SENTINEL2_BAND_FACTS[facts.platform][band as S2Band]
    const gsd = files.grids[files.bands.R1.includes(band) ? 'R1' : 'R2'].pixelWidthM
    return `<Spectral_Band_Informations band_id="${theiaBand(band)}"><SPATIAL_RESOLUTION unit="m">${gsd}</SPATIAL_RESOLUTION><Wavelength><CENTRAL unit="nm">${Math.round(centreUm * 1e4) / 10}</CENTRAL></Wavelength></Spectral_Band_Informations>`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>
<Muscate_Metadata_Document xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<Metadata_Identification><METADATA_FORMAT version="1.20">METADATA_MUSCATE</METADATA_FORMAT><METADATA_PROFILE>DISTRIBUTED</METADATA_PROFILE><METADATA_INFORMATION>EXPERT</METADATA_INFORMATION></Metadata_Identification>
<Dataset_Identification><IDENTIFIER>${name}</IDENTIFIER><AUTHORITY>TILTH</AUTHORITY><PRODUCER>TILTH</PRODUCER><PROJECT>SENTINEL2</PROJECT><GEOGRAPHICAL_ZONE type="Tile">T${facts.tile}</GEOGRAPHICAL_ZONE><DESCRIPTION>${escapeMarkup(`${facts.name}, written in this layout by ${facts.software}; not a product of MAJA`)}</DESCRIPTION></Dataset_Identification>
<Product_Characteristics>
<PRODUCT_ID>${name}</PRODUCT_ID>
<ACQUISITION_DATE>${facts.sensedAt}</ACQUISITION_DATE>
<PRODUCTION_DATE>${facts.createdAt}</PRODUCTION_DATE>
<PRODUCT_VERSION>${theiaVersion(facts.processorVersion)}</PRODUCT_VERSION>
<PRODUCT_LEVEL>L2A</PRODUCT_LEVEL>
<PLATFORM>SENTINEL2${facts.platform.slice(2)}</PLATFORM>
<UTC_Acquisition_Range><MEAN>${facts.sensedAt}</MEAN><DATE_PRECISION unit="s">0.001</DATE_PRECISION></UTC_Acquisition_Range>
<ORBIT_NUMBER type="Path">${facts.relativeOrbit}</ORBIT_NUMBER>
<Band_Global_List ${ids(all)}</Band_Global_List>
<Band_Group_List>${groups.map((group) => `<Group group_id="${group}"><Band_List ${ids(files.bands[group])}</Band_List></Group>`).join('')}</Band_Group_List>
</Product_Characteristics>
<Product_Organisation><Muscate_Product>
${files.hasQuicklook ? `<QUICKLOOK bands_id="B4,B3,B2">./${name}_QKL_ALL.jpg</QUICKLOOK>\n` : ''}<Image_List>
${files.hasAtmosphere ? `${atmosphere('Water_Vapor_Content', 1)}\n${atmosphere('Aerosol_Optical_Thickness', 2)}\n` : ''}${files.kinds.map(reflectance).join('\n')}
</Image_List>
<Mask_List>
${masks.join('\n')}
</Mask_List>
</Muscate_Product></Product_Organisation>
<Geoposition_Informations>
<Coordinate_Reference_System><GEO_TABLES>EPSG</GEO_TABLES><Horizontal_Coordinate_System><HORIZONTAL_CS_TYPE>PROJECTED</HORIZONTAL_CS_TYPE><HORIZONTAL_CS_NAME>WGS 84 / UTM zone ${finest.epsg % 100}${finest.epsg >= 32700 ? 'S' : 'N'}</HORIZONTAL_CS_NAME><HORIZONTAL_CS_CODE>${finest.epsg}</HORIZONTAL_CS_CODE></Horizontal_Coordinate_System></Coordinate_Reference_System>
<Raster_CS><RASTER_CS_TYPE>CELL</RASTER_CS_TYPE><PIXEL_ORIGIN>0</PIXEL_ORIGIN></Raster_CS>
<Metadata_CS><METADATA_CS_TYPE>CELL</METADATA_CS_TYPE><PIXEL_ORIGIN>0</PIXEL_ORIGIN></Metadata_CS>
<Geopositioning><Global_Geopositioning>${points.join('')}</Global_Geopositioning><Group_Geopositioning_List>${positions.join('')}</Group_Geopositioning_List></Geopositioning>
</Geoposition_Informations>
<Geometric_Informations>
<Mean_Value_List><Sun_Angles>${directionXml(facts.sun)}</Sun_Angles><Mean_Viewing_Incidence_Angle_List>${views.join('')}</Mean_Viewing_Incidence_Angle_List></Mean_Value_List>
${grids}
</Geometric_Informations>
<Radiometric_Informations>
<REFLECTANCE_QUANTIFICATION_VALUE>10000</REFLECTANCE_QUANTIFICATION_VALUE>
<WATER_VAPOR_CONTENT_QUANTIFICATION_VALUE>${THEIA_WATER_VAPOUR}</WATER_VAPOR_CONTENT_QUANTIFICATION_VALUE>
<AEROSOL_OPTICAL_THICKNESS_QUANTIFICATION_VALUE>${THEIA_AEROSOL}</AEROSOL_OPTICAL_THICKNESS_QUANTIFICATION_VALUE>
<Special_Values_List><SPECIAL_VALUE name="nodata">${THEIA_NO_DATA}</SPECIAL_VALUE><SPECIAL_VALUE name="water_vapor_content_nodata">0</SPECIAL_VALUE><SPECIAL_VALUE name="aerosol_optical_thickness_nodata">0</SPECIAL_VALUE></Special_Values_List>
<Spectral_Band_Informations_List>${spectral.join('')}</Spectral_Band_Informations_List>
</Radiometric_Informations>
<Quality_Informations><Current_Product><Product_Quality_List level="N2"><Product_Quality><Source_Product><PRODUCT_ID>${escapeMarkup(facts.name)}</PRODUCT_ID></Source_Product><Global_Index_List>${facts.cloudPercent === null ? '' : `<QUALITY_INDEX name="CloudPercent">${Math.round(facts.cloudPercent)}</QUALITY_INDEX>`}</Global_Index_List></Product_Quality></Product_Quality_List></Current_Product></Quality_Informations>
</Muscate_Metadata_Document>
`
}
