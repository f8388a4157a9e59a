import { S2_BANDS, type S2Band } from '../domain/sentinel2.js'
import type { TileSquare } from '../domain/mgrs.js'
import { ANGLE_NODES, ANGLE_STEP_M, BAND_IDS } from './orbit.js'
import type { ProductNames } from './product-names.js'
import { hasRasterMasks } from './product-xml.js'
import type { SceneAngles } from './scene-angles.js'

/** Pixel size in metres and edge in pixels of the images that stand for 10, 20 and 60 m. */
export type ImageSizes = Readonly<Record<10 | 20 | 60, { readonly pixelM: number; readonly pixels: number }>>

const GML_MASKS = ['DEFECT', 'DETFOO', 'NODATA', 'SATURA', 'TECQUA'] as const

/** MTD_TL.xml. Sizes and positions are those of the images, under ESA's three nominal resolutions. */
export function tileXml(
  names: ProductNames,
  square: TileSquare,
  sizes: ImageSizes,
  angles: SceneAngles,
  cloudPercent: number,
): string {
  const geocoding =
    ([10, 20, 60] as const)
      .map(
        (r) => `
      <Size resolution="${r}">
        <NROWS>${sizes[r].pixels}</NROWS>
        <NCOLS>${sizes[r].pixels}</NCOLS>
      </Size>`,
      )
      .join('') +
    ([10, 20, 60] as const)
      .map(
        (r) => `
      <Geoposition resolution="${r}">
        <ULX>${square.xmin}</ULX>
        <ULY>${square.ymax}</ULY>
        <XDIM>${sizes[r].pixelM}</XDIM>
        <YDIM>-${sizes[r].pixelM}</YDIM>
      </Geoposition>`,
      )
      .join('')
  const views = S2_BANDS.flatMap((band) =>
    angles.views[band].map(
      (view) => `
      <Viewing_Incidence_Angles_Grids bandId="${BAND_IDS[band]}" detectorId="${String(view.detector).padStart(2, '0')}">${grid('Zenith', view.zenith)}${grid('Azimuth', view.azimuth)}
      </Viewing_Incidence_Angles_Grids>`,
    ),
  ).join('')
  const means = S2_BANDS.map(
    (band) => `
        <Mean_Viewing_Incidence_Angle bandId="${BAND_IDS[band]}">
          <ZENITH_ANGLE unit="deg">${angles.meanView[band].zenith}</ZENITH_ANGLE>
          <AZIMUTH_ANGLE unit="deg">${angles.meanView[band].azimuth}</AZIMUTH_ANGLE>
        </Mean_Viewing_Incidence_Angle>`,
  ).join('')
  return `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:Level-1C_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-1C_Tile_Metadata.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <n1:General_Info>
    <TILE_ID metadataLevel="Brief">${names.granuleId}</TILE_ID>
    <DATASTRIP_ID metadataLevel="Standard">${names.datastripId}</DATASTRIP_ID>
    <DOWNLINK_PRIORITY metadataLevel="Standard">NOMINAL</DOWNLINK_PRIORITY>
    <SENSING_TIME metadataLevel="Standard">${names.sensingIso}</SENSING_TIME>
    <Archiving_Info metadataLevel="Expertise">
      <ARCHIVING_CENTRE>TLTH</ARCHIVING_CENTRE>
      <ARCHIVING_TIME>${names.generationIso}</ARCHIVING_TIME>
    </Archiving_Info>
  </n1:General_Info>
  <n1:Geometric_Info>
    <Tile_Geocoding metadataLevel="Brief">
      <HORIZONTAL_CS_NAME>WGS84 / UTM zone ${square.zone}${square.isSouth ? 'S' : 'N'}</HORIZONTAL_CS_NAME>
      <HORIZONTAL_CS_CODE>EPSG:${square.epsg}</HORIZONTAL_CS_CODE>${geocoding}
    </Tile_Geocoding>
    <Tile_Angles metadataLevel="Standard">
      <Sun_Angles_Grid>${grid('Zenith', angles.sunZenith)}${grid('Azimuth', angles.sunAzimuth)}
      </Sun_Angles_Grid>
      <Mean_Sun_Angle>
        <ZENITH_ANGLE unit="deg">${angles.meanSun.zenith}</ZENITH_ANGLE>
        <AZIMUTH_ANGLE unit="deg">${angles.meanSun.azimuth}</AZIMUTH_ANGLE>
      </Mean_Sun_Angle>${views}
      <Mean_Viewing_Incidence_Angle_List>${means}
      </Mean_Viewing_Incidence_Angle_List>
    </Tile_Angles>
  </n1:Geometric_Info>
  <n1:Quality_Indicators_Info metadataLevel="Standard">
    <Image_Content_QI>
      <CLOUDY_PIXEL_PERCENTAGE>${cloudPercent === 0 ? '0' : cloudPercent.toFixed(4)}</CLOUDY_PIXEL_PERCENTAGE>
      <DEGRADED_MSI_DATA_PERCENTAGE>0</DEGRADED_MSI_DATA_PERCENTAGE>
    </Image_Content_QI>
    <Pixel_Level_QI geometry="FULL_RESOLUTION">${maskList(names)
      .map(
        (m) => `
      <MASK_FILENAME ${m.band === null ? '' : `bandId="${BAND_IDS[m.band]}" `}type="MSK_${m.type}">GRANULE/${names.granule}/QI_DATA/${m.file}</MASK_FILENAME>`,
      )
      .join('')}
    </Pixel_Level_QI>
    <PVI_FILENAME>GRANULE/${names.granule}/QI_DATA/${names.image}_PVI.jp2</PVI_FILENAME>
  </n1:Quality_Indicators_Info>
</n1:Level-1C_Tile_ID>
`
}

/** The mask files of a product: GML by band before baseline 04.00, rasters since. */
export function maskList(names: ProductNames): { type: string; band: S2Band | null; file: string }[] {
  if (hasRasterMasks(names.baseline))
    return [
      ...S2_BANDS.flatMap((band) =>
        ['DETFOO', 'QUALIT'].map((type) => ({ type, band, file: `MSK_${type}_${band}.jp2` })),
      ),
      { type: 'CLASSI', band: null, file: 'MSK_CLASSI_B00.jp2' },
    ]
  return [
    ...S2_BANDS.flatMap((band) => GML_MASKS.map((type) => ({ type, band, file: `MSK_${type}_${band}.gml` }))),
    { type: 'CLOUDS', band: null, file: 'MSK_CLOUDS_B00.gml' },
  ]
}

/** One GML mask; `members` are closed rings of x, y in metres with the detector's number, or none. */
export function maskGml(
  names: ProductNames,
  square: TileSquare,
  type: string,
  band: S2Band | null,
  members: readonly { readonly detector: number; readonly ring: readonly (readonly [number, number])[] }[],
): string {
  const id = `${names.platform}_OPER_MSK_${type}_TLTH_${names.generation}_A${names.absolute}_T${names.tile}_${band ?? 'B00'}_MSIL1C`
  const code = type === 'DETFOO' ? 'DETECTOR_FOOTPRINT' : 'QT_NODATA_PIXELS'
  const kind = (detector: number, i: number) =>
    `${type === 'DETFOO' ? 'detector_footprint' : 'nodata'}-${band ?? 'B00'}-${String(detector).padStart(2, '0')}-${i}`
  const features = members
    .map(
      (m, i) => `
    <eop:MaskFeature gml:id="${kind(m.detector, i)}">
      <eop:maskType codeSpace="urn:gs2:S2PDGS:maskType">${code}</eop:maskType>
      <eop:extentOf>
        <gml:Polygon gml:id="${code}.${i}_Polygon">
          <gml:exterior>
            <gml:LinearRing>
              <gml:posList srsDimension="3">${m.ring.map(([x, y]) => `${x} ${y} 0`).join(' ')}</gml:posList>
            </gml:LinearRing>
          </gml:exterior>
        </gml:Polygon>
      </eop:extentOf>
    </eop:MaskFeature>`,
    )
    .join('')
  const envelope =
    members.length === 0
      ? ''
      : `
  <gml:boundedBy>
    <gml:Envelope srsName="urn:ogc:def:crs:EPSG:8.7:${square.epsg}">
      <gml:lowerCorner>${square.xmin} ${square.ymin} 0</gml:lowerCorner>
      <gml:upperCorner>${square.xmax} ${square.ymax} 0</gml:upperCorner>
    </gml:Envelope>
  </gml:boundedBy>`
  return `<?xml version="1.0" encoding="UTF-8"?>
<eop:Mask xmlns:eop="http://www.opengis.net/eop/2.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:gml="http://www.opengis.net/gml/3.2" gml:id="${id}">
  <gml:name>MSK_${type} pixels mask from data-strip ${id}</gml:name>${envelope}
  ${members.length === 0 ? '<eop:maskMembers/>' : `<eop:maskMembers>${features}\n  </eop:maskMembers>`}
</eop:Mask>
`
}

function grid(name: 'Zenith' | 'Azimuth', values: Float64Array): string {
  const text = (v: number) => (Number.isNaN(v) ? 'NaN' : String(Number(v.toPrecision(6))))
  const rows = Array.from(
    { length: ANGLE_NODES },
    (_, r) => `
            <VALUES>${Array.from(values.subarray(r * ANGLE_NODES, (r + 1) * ANGLE_NODES), text).join(' ')}</VALUES>`,
  ).join('')
  return `
        <${name}>
          <COL_STEP unit="m">${ANGLE_STEP_M}</COL_STEP>
          <ROW_STEP unit="m">${ANGLE_STEP_M}</ROW_STEP>
          <Values_List>${rows}
          </Values_List>
        </${name}>`
}
