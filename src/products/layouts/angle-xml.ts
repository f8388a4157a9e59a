import type { AngleRows, ProductAngles } from '../l2a/angles.js'

/** One grid of angles as ESA and Theia write them: NaN where nothing is stated. `unit`: what the steps' attributes say. */
function valuesXml(rows: AngleRows['zenith'], { step_x_m, step_y_m }: ProductAngles, unit: string): string {
  const lines = rows.map(
    (row) => `<VALUES>${row.map((v) => (v === null ? 'NaN' : String(v))).join(' ')}</VALUES>`,
  )
  return (
    `<COL_STEP${unit}>${step_x_m}</COL_STEP><ROW_STEP${unit}>${step_y_m}</ROW_STEP>` +
    `<Values_List>\n${lines.join('\n')}\n</Values_List>`
  )
}

/** `<Zenith>` and `<Azimuth>` of a grid. ESA states the unit at the steps, Theia at the angles. */
export function anglePairXml(pair: AngleRows, angles: ProductAngles, style: 'esa' | 'theia'): string {
  const [outer, inner] = style === 'esa' ? ['', ' unit="m"'] : [' step_unit="m" values_unit="deg"', '']
  const one = (tag: 'Zenith' | 'Azimuth') =>
    `<${tag}${outer}>${valuesXml(tag === 'Zenith' ? pair.zenith : pair.azimuth, angles, inner)}</${tag}>`
  return `${one('Zenith')}\n${one('Azimuth')}`
}

/** The two elements of one mean direction, degrees. */
export const directionXml = ({ zenith, azimuth }: { zenith: number; azimuth: number }): string =>
  `<ZENITH_ANGLE unit="deg">${zenith}</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">${azimuth}</AZIMUTH_ANGLE>`
