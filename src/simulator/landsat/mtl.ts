import { fromUtm } from '../../domain/utm.js'
import { RADIANCE_1AU, REFLECTANCE_ADD, REFLECTANCE_MULT, TIRS, TIRS_ADD, TIRS_BANDS } from './calibration.js'
import { reflectiveGrid, type LandsatScene } from './landsat-scene.js'
import { OLI_BANDS } from './oli.js'
import type { Rendered } from './render-landsat.js'

type Entry = readonly [key: string, value: string]
type Group = readonly [name: string, entries: readonly Entry[]]

const ALL = [...OLI_BANDS, ...TIRS_BANDS].map((band) => band.slice(1))
const REFLECTIVE = OLI_BANDS.map((band) => band.slice(1))
const text = (value: string) => `"${value}"`
const origin = text('Image courtesy of the U.S. Geological Survey')
const doi: Entry = ['DIGITAL_OBJECT_IDENTIFIER', text('https://doi.org/10.5066/P975CC9B')]

/** Groups of the metadata file in the order and with the keys of real products of its collection, around `LANDSAT_METADATA_FILE` or `L1_METADATA_FILE`. */
export function metadataGroups(
  scene: LandsatScene,
  rendered: Rendered,
): { root: string; groups: readonly Group[] } {
  const parts = new Parts(scene, rendered)
  return scene.collection === 2
    ? {
        root: 'LANDSAT_METADATA_FILE',
        groups: [
          [
            'PRODUCT_CONTENTS',
            [
              ['ORIGIN', origin],
              doi,
              ...parts.level(),
              ['COLLECTION_NUMBER', '02'],
              ...parts.category(),
              ...parts.files(),
              ...parts.types(),
            ],
          ],
          ['IMAGE_ATTRIBUTES', [...parts.place(), ...parts.image()]],
          [
            'PROJECTION_ATTRIBUTES',
            [
              ...parts.projection(),
              ...parts.cells(),
              ...parts.sizes(),
              ['ORIENTATION', text('NORTH_UP')],
              ...parts.corners(),
            ],
          ],
          [
            'LEVEL1_PROCESSING_RECORD',
            [
              ['ORIGIN', origin],
              doi,
              ['REQUEST_ID', text('0000000000000_00000')],
              ['LANDSAT_SCENE_ID', text(scene.sceneId)],
              ...parts.level(),
              ...parts.category(),
              ['DATE_PRODUCT_GENERATED', scene.generatedIso],
              ['PROCESSING_SOFTWARE_VERSION', text('TILTH_SIMULATOR')],
              ...parts.files(),
              ['DATA_SOURCE_ELEVATION', text('SIMULATED')],
            ],
          ],
          ['LEVEL1_MIN_MAX_RADIANCE', parts.radianceRange()],
          ['LEVEL1_MIN_MAX_REFLECTANCE', parts.reflectanceRange()],
          ['LEVEL1_MIN_MAX_PIXEL_VALUE', parts.dnRange()],
          ['LEVEL1_RADIOMETRIC_RESCALING', parts.rescaling()],
          ['LEVEL1_THERMAL_CONSTANTS', parts.thermal()],
          [
            'LEVEL1_PROJECTION_PARAMETERS',
            [
              ...parts.projection(),
              ...parts.cells(),
              ['ORIENTATION', text('NORTH_UP')],
              ['RESAMPLING_OPTION', text('CUBIC_CONVOLUTION')],
            ],
          ],
        ],
      }
    : {
        root: 'L1_METADATA_FILE',
        groups: [
          [
            'METADATA_FILE_INFO',
            [
              ['ORIGIN', origin],
              ['REQUEST_ID', text('0000000000000_00000')],
              ['LANDSAT_SCENE_ID', text(scene.sceneId)],
              ['LANDSAT_PRODUCT_ID', text(scene.productId)],
              ['COLLECTION_NUMBER', '01'],
              ['FILE_DATE', scene.generatedIso],
              ['STATION_ID', text('LGN')],
              ['PROCESSING_SOFTWARE_VERSION', text('TILTH_SIMULATOR')],
            ],
          ],
          [
            'PRODUCT_METADATA',
            [
              ['DATA_TYPE', text('L1TP')],
              ['COLLECTION_CATEGORY', text('T1')],
              ['ELEVATION_SOURCE', text('SIMULATED')],
              ['OUTPUT_FORMAT', text('GEOTIFF')],
              ...parts.place().filter(([key]) => key !== 'WRS_TYPE' && key !== 'STATION_ID'),
              ...parts.corners(),
              ...parts.sizes(),
              ...parts.files(),
            ],
          ],
          ['IMAGE_ATTRIBUTES', [...parts.image(), ['TRUNCATION_OLI', text('UPPER')]]],
          ['MIN_MAX_RADIANCE', parts.radianceRange()],
          ['MIN_MAX_REFLECTANCE', parts.reflectanceRange()],
          ['MIN_MAX_PIXEL_VALUE', parts.dnRange()],
          ['RADIOMETRIC_RESCALING', parts.rescaling()],
          ['TIRS_THERMAL_CONSTANTS', parts.thermal()],
          [
            'PROJECTION_PARAMETERS',
            [
              ...parts.projection(),
              ...parts.cells(),
              ['ORIENTATION', text('NORTH_UP')],
              ['RESAMPLING_OPTION', text('CUBIC_CONVOLUTION')],
            ],
          ],
        ],
      }
}

/** The Object Description Language of MTL.txt. */
export function metadataOdl(root: string, groups: readonly Group[]): string {
  const body = groups.map(
    ([name, entries]) =>
      `  GROUP = ${name}\n${entries.map(([key, value]) => `    ${key} = ${value}\n`).join('')}  END_GROUP = ${name}\n`,
  )
  return `GROUP = ${root}\n${body.join('')}END_GROUP = ${root}\nEND\n`
}

/** The same as MTL.xml of collection 2. */
export function metadataXml(root: string, groups: readonly Group[]): string {
  const body = groups.map(
    ([name, entries]) =>
      `  <${name}>\n${entries.map(([key, value]) => `    <${key}>${value.replaceAll('"', '')}</${key}>\n`).join('')}  </${name}>\n`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n${body.join('')}</${root}>\n`
}

/** File names of a product's images by the end of their name. */
export function imageNames(collection: 1 | 2): readonly string[] {
  const bands = ALL.map((n) => `B${n}`)
  return collection === 2
    ? [...bands, 'QA_PIXEL', 'QA_RADSAT', 'VAA', 'VZA', 'SAA', 'SZA']
    : [...bands, 'BQA']
}

class Parts {
  constructor(
    private readonly scene: LandsatScene,
    private readonly rendered: Rendered,
  ) {}

  private readonly file = (key: string, end: string): Entry => [key, text(`${this.scene.productId}_${end}`)]

  level = (): Entry[] => [
    ['LANDSAT_PRODUCT_ID', text(this.scene.productId)],
    ['PROCESSING_LEVEL', text('L1TP')],
  ]

  category = (): Entry[] => [
    ['COLLECTION_CATEGORY', text('T1')],
    ['OUTPUT_FORMAT', text('GEOTIFF')],
  ]

  files(): Entry[] {
    const bands = ALL.map((n) => this.file(`FILE_NAME_BAND_${n}`, `B${n}.TIF`))
    return this.scene.collection === 2
      ? [
          ...bands,
          this.file('FILE_NAME_QUALITY_L1_PIXEL', 'QA_PIXEL.TIF'),
          this.file('FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION', 'QA_RADSAT.TIF'),
          this.file('FILE_NAME_ANGLE_SENSOR_AZIMUTH_BAND_4', 'VAA.TIF'),
          this.file('FILE_NAME_ANGLE_SENSOR_ZENITH_BAND_4', 'VZA.TIF'),
          this.file('FILE_NAME_ANGLE_SOLAR_AZIMUTH_BAND_4', 'SAA.TIF'),
          this.file('FILE_NAME_ANGLE_SOLAR_ZENITH_BAND_4', 'SZA.TIF'),
          this.file('FILE_NAME_METADATA_ODL', 'MTL.txt'),
          this.file('FILE_NAME_METADATA_XML', 'MTL.xml'),
        ]
      : [...bands, this.file('FILE_NAME_BAND_QUALITY', 'BQA.TIF'), this.file('METADATA_FILE_NAME', 'MTL.txt')]
  }

  types = (): Entry[] => [
    ...ALL.map((n): Entry => [`DATA_TYPE_BAND_${n}`, text('UINT16')]),
    ['DATA_TYPE_QUALITY_L1_PIXEL', text('UINT16')],
    ['DATA_TYPE_QUALITY_L1_RADIOMETRIC_SATURATION', text('UINT16')],
    ['DATA_TYPE_ANGLE_SENSOR_AZIMUTH_BAND_4', text('INT16')],
    ['DATA_TYPE_ANGLE_SENSOR_ZENITH_BAND_4', text('INT16')],
    ['DATA_TYPE_ANGLE_SOLAR_AZIMUTH_BAND_4', text('INT16')],
    ['DATA_TYPE_ANGLE_SOLAR_ZENITH_BAND_4', text('INT16')],
  ]

  place(): Entry[] {
    const { wrs, platform, timeMs, date } = this.scene
    return [
      ['SPACECRAFT_ID', text(platform === 'L8' ? 'LANDSAT_8' : 'LANDSAT_9')],
      ['SENSOR_ID', text('OLI_TIRS')],
      ['WRS_TYPE', '2'],
      ['WRS_PATH', String(wrs.path)],
      ['WRS_ROW', String(wrs.row)],
      ['NADIR_OFFNADIR', text('NADIR')],
      ['TARGET_WRS_PATH', String(wrs.path)],
      ['TARGET_WRS_ROW', String(wrs.row)],
      ['DATE_ACQUIRED', date],
      ['SCENE_CENTER_TIME', text(`${new Date(timeMs).toISOString().slice(11, 23)}0000Z`)],
      ['STATION_ID', text('LGN')],
    ]
  }

  image(): Entry[] {
    const { sun, distanceAu } = this.scene
    const azimuth = sun.azimuth > 180 ? sun.azimuth - 360 : sun.azimuth
    const cover = this.rendered.cloudPercent.toFixed(2)
    return [
      ['CLOUD_COVER', cover],
      ['CLOUD_COVER_LAND', cover],
      ['IMAGE_QUALITY_OLI', '9'],
      ['IMAGE_QUALITY_TIRS', '9'],
      ...REFLECTIVE.map((n): Entry => [
        `SATURATION_BAND_${n}`,
        text(this.rendered.saturated.has(`B${n}`) ? 'Y' : 'N'),
      ]),
      ['ROLL_ANGLE', '0.000'],
      ['SUN_AZIMUTH', azimuth.toFixed(8)],
      ['SUN_ELEVATION', (90 - sun.zenith).toFixed(8)],
      ['EARTH_SUN_DISTANCE', distanceAu.toFixed(7)],
    ]
  }

  projection = (): Entry[] => [
    ['MAP_PROJECTION', text('UTM')],
    ['DATUM', text('WGS84')],
    ['ELLIPSOID', text('WGS84')],
    ['UTM_ZONE', String(this.scene.wrs.zone)],
  ]

  cells = (): Entry[] => [
    ['GRID_CELL_SIZE_PANCHROMATIC', (this.scene.pixelM / 2).toFixed(2)],
    ['GRID_CELL_SIZE_REFLECTIVE', this.scene.pixelM.toFixed(2)],
    ['GRID_CELL_SIZE_THERMAL', this.scene.pixelM.toFixed(2)],
  ]

  sizes(): Entry[] {
    const { samples, lines } = this.scene
    return [
      ['PANCHROMATIC_LINES', String(2 * lines - 1)],
      ['PANCHROMATIC_SAMPLES', String(2 * samples - 1)],
      ['REFLECTIVE_LINES', String(lines)],
      ['REFLECTIVE_SAMPLES', String(samples)],
      ['THERMAL_LINES', String(lines)],
      ['THERMAL_SAMPLES', String(samples)],
    ]
  }

  /** Centres of the corner pixels. */
  corners(): Entry[] {
    const { wrs, samples, lines, pixelM } = this.scene
    const { ulx, uly } = reflectiveGrid(this.scene)
    const [west, north] = [ulx + pixelM / 2, uly - pixelM / 2]
    const [east, south] = [west + (samples - 1) * pixelM, north - (lines - 1) * pixelM]
    const corners = [
      ['UL', west, north],
      ['UR', east, north],
      ['LL', west, south],
      ['LR', east, south],
    ] as const
    return [
      ...corners.flatMap(([name, x, y]): Entry[] => {
        const [lon, lat] = fromUtm(x, y, wrs.zone)
        return [
          [`CORNER_${name}_LAT_PRODUCT`, lat.toFixed(5)],
          [`CORNER_${name}_LON_PRODUCT`, lon.toFixed(5)],
        ]
      }),
      ...corners.flatMap(([name, x, y]): Entry[] => [
        [`CORNER_${name}_PROJECTION_X_PRODUCT`, x.toFixed(3)],
        [`CORNER_${name}_PROJECTION_Y_PRODUCT`, y.toFixed(3)],
      ]),
    ]
  }

  private radiance(n: string): { mult: number; add: number } {
    const { platform, distanceAu } = this.scene
    if (n === '10' || n === '11') return { mult: TIRS[platform][`B${n}`].mult, add: TIRS_ADD }
    const one = RADIANCE_1AU[platform][`B${n}` as 'B1'] / distanceAu ** 2
    return { mult: Number((one * REFLECTANCE_MULT).toPrecision(5)), add: one * REFLECTANCE_ADD }
  }

  radianceRange = (): Entry[] =>
    ALL.flatMap((n): Entry[] => {
      const { mult, add } = this.radiance(n)
      return [
        [`RADIANCE_MAXIMUM_BAND_${n}`, (65535 * mult + add).toFixed(5)],
        [`RADIANCE_MINIMUM_BAND_${n}`, (mult + add).toFixed(5)],
      ]
    })

  reflectanceRange = (): Entry[] =>
    REFLECTIVE.flatMap((n): Entry[] => [
      [`REFLECTANCE_MAXIMUM_BAND_${n}`, (65535 * REFLECTANCE_MULT + REFLECTANCE_ADD).toFixed(6)],
      [`REFLECTANCE_MINIMUM_BAND_${n}`, (REFLECTANCE_MULT + REFLECTANCE_ADD).toFixed(6)],
    ])

  dnRange = (): Entry[] =>
    ALL.flatMap((n): Entry[] => [
      [`QUANTIZE_CAL_MAX_BAND_${n}`, '65535'],
      [`QUANTIZE_CAL_MIN_BAND_${n}`, '1'],
    ])

  rescaling(): Entry[] {
    const scientific = (value: number) => {
      const [mantissa, exponent] = value.toExponential(4).split('e')
      const power = Number(exponent)
      return `${mantissa ?? ''}E${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
    }
    return [
      ...ALL.map((n): Entry => [`RADIANCE_MULT_BAND_${n}`, scientific(this.radiance(n).mult)]),
      ...ALL.map((n): Entry => [`RADIANCE_ADD_BAND_${n}`, this.radiance(n).add.toFixed(5)]),
      ...REFLECTIVE.map((n): Entry => [`REFLECTANCE_MULT_BAND_${n}`, scientific(REFLECTANCE_MULT)]),
      ...REFLECTIVE.map((n): Entry => [`REFLECTANCE_ADD_BAND_${n}`, REFLECTANCE_ADD.toFixed(6)]),
    ]
  }

  thermal = (): Entry[] =>
    TIRS_BANDS.flatMap((band): Entry[] => [
      [`K1_CONSTANT_BAND_${band.slice(1)}`, TIRS[this.scene.platform][band].k1.toFixed(4)],
      [`K2_CONSTANT_BAND_${band.slice(1)}`, TIRS[this.scene.platform][band].k2.toFixed(4)],
    ])
}
