import { ProcessingError } from '../../domain/errors.js'
import type { AngleGrid, DetectorAngles } from '../../domain/l1-scene.js'
import type { XmlElement } from './parse-xml.js'

const DEGREE = Math.PI / 180
/** The grids of all products so far are 23 x 23; a limit only keeps a damaged file from filling the memory. */
const MAX_NODES = 1000

/** Angles as the XML states them: row-major, degrees, NaN where it says NaN. */
export interface RawAngles {
  readonly rows: number
  readonly cols: number
  readonly stepXM: number
  readonly stepYM: number
  readonly zenith: Float64Array
  readonly azimuth: Float64Array
}

/**
 * Reads one pair of `Zenith` and `Azimuth` grids (Sun_Angles_Grid or Viewing_Incidence_Angles_Grids). A node counts only where both
 * are given. Azimuths are brought to [0, 360). Throws METADATA_INVALID for grids that are missing, uneven or out of range.
 */
export function readRawAngles(element: XmlElement, what: string, file: string): RawAngles {
  const invalid = (found: string) =>
    new ProcessingError('METADATA_INVALID', `${what} in '${file}': ${found}. Download the product again.`)
  const values = (name: 'Zenith' | 'Azimuth') => {
    const grid = element.find(name)
    if (grid === undefined) throw invalid(`no element ${name}`)
    const stepOf = (tag: string) => {
      const step = Number(grid.find(tag)?.text)
      if (!(step > 0)) throw invalid(`${name}/${tag} is no positive number of metres`)
      return step
    }
    const lines = numbersOfRows(grid.findAll('Values_List/VALUES'))
    const cols = lines[0]?.length ?? 0
    if (
      lines.length < 2 ||
      cols < 2 ||
      lines.length > MAX_NODES ||
      cols > MAX_NODES ||
      lines.some((row) => row.length !== cols)
    )
      throw invalid(`${name} is no rectangle of values (${lines.length} rows, first of ${cols})`)
    const data = new Float64Array(lines.length * cols)
    lines.forEach((row, r) => {
      data.set(row, r * cols)
    })
    return { rows: lines.length, cols, stepXM: stepOf('COL_STEP'), stepYM: stepOf('ROW_STEP'), data }
  }
  const z = values('Zenith')
  const a = values('Azimuth')
  if (z.rows !== a.rows || z.cols !== a.cols || z.stepXM !== a.stepXM || z.stepYM !== a.stepYM)
    throw invalid(`zenith is ${z.rows} x ${z.cols} nodes, azimuth ${a.rows} x ${a.cols}`)
  const zenith = new Float64Array(z.data.length).fill(NaN)
  const azimuth = new Float64Array(z.data.length).fill(NaN)
  for (let i = 0; i < z.data.length; i++) {
    const [zi, ai] = [z.data[i] ?? NaN, a.data[i] ?? NaN]
    if (Number.isNaN(zi) || Number.isNaN(ai)) continue
    if (!(zi >= 0 && zi < 90) || !(ai >= -360 && ai <= 720))
      throw invalid(`zenith ${zi}, azimuth ${ai} degrees at node ${i}`)
    zenith[i] = zi
    azimuth[i] = normalizeAzimuth(ai)
  }
  return { rows: z.rows, cols: z.cols, stepXM: z.stepXM, stepYM: z.stepYM, zenith, azimuth }
}

/** A product has some hundred thousand of them, most in rows that say NaN from end to end as the one before does. */
function numbersOfRows(rows: readonly XmlElement[]): readonly Float64Array[] {
  let known = { text: '', numbers: new Float64Array(1) }
  return rows.map(({ text }) => {
    if (text !== known.text) {
      const words = /\s\s|[^\S ]/.test(text) ? text.split(/\s+/) : text.split(' ')
      const numbers = new Float64Array(words.length)
      words.forEach((word, i) => {
        numbers[i] = word === 'NaN' ? NaN : Number(word)
      })
      known = { text, numbers }
    }
    return known.numbers
  })
}

/** Number of nodes with values. */
export function countValid(raw: RawAngles): number {
  let count = 0
  for (const value of raw.zenith) if (!Number.isNaN(value)) count++
  return count
}

/**
 * Fills the nodes without values from the least-squares plane through the valid nodes of the same grid; valid nodes stay as they are.
 * The plane is fitted to tan(zenith) sin(azimuth) and tan(zenith) cos(azimuth): the horizontal offset of the satellite over its
 * height, which is linear on the ground but for the Earth's curvature, while the azimuth itself turns through 360 degrees and the
 * zenith has a kink below the satellite. Nodes on one line, or one node, leave slopes undetermined: those are taken as zero.
 * Needs at least one valid node; throws INTERNAL otherwise. Source: reference/atmospheric-correction.md 1.1 (plane per detector).
 */
export function fillByPlane(raw: RawAngles, ulx: number, uly: number): AngleGrid {
  const { rows, cols, stepXM, stepYM } = raw
  const zenith = Float64Array.from(raw.zenith)
  const azimuth = Float64Array.from(raw.azimuth)
  const nodes: { x: number; y: number; east: number; north: number }[] = []
  for (let i = 0; i < zenith.length; i++) {
    const [z, a] = [zenith[i] ?? NaN, azimuth[i] ?? NaN]
    if (Number.isNaN(z)) continue
    const t = Math.tan(z * DEGREE)
    nodes.push({
      x: (i % cols) * stepXM,
      y: Math.floor(i / cols) * stepYM,
      east: t * Math.sin(a * DEGREE),
      north: t * Math.cos(a * DEGREE),
    })
  }
  if (nodes.length === 0)
    throw new ProcessingError('INTERNAL', 'An angle grid without any value cannot be filled.')
  if (nodes.length < zenith.length) {
    const east = planeThrough(nodes.map((n) => [n.x, n.y, n.east]))
    const north = planeThrough(nodes.map((n) => [n.x, n.y, n.north]))
    for (let i = 0; i < zenith.length; i++) {
      if (!Number.isNaN(zenith[i])) continue
      const [x, y] = [(i % cols) * stepXM, Math.floor(i / cols) * stepYM]
      const [e, n] = [east(x, y), north(x, y)]
      zenith[i] = Math.atan(Math.hypot(e, n)) / DEGREE
      azimuth[i] = normalizeAzimuth(Math.atan2(e, n) / DEGREE)
    }
  }
  return { ulx, uly, stepXM, stepYM, rows, cols, zenith, azimuth }
}

/**
 * View angles by band number (0..12), each band's detectors in ascending order. A detector given twice in one band (two datastrips)
 * is one: the first grid's values win, the second's fill its gaps. Values never cross from one detector to another. A detector
 * without any value is left out and named in `notes`.
 */
export function readViewAngles(
  tileAngles: XmlElement,
  ulx: number,
  uly: number,
  file: string,
  notes: string[],
): Map<number, DetectorAngles[]> {
  const byBand = new Map<number, Map<number, RawAngles>>()
  for (const element of tileAngles.findAll('Viewing_Incidence_Angles_Grids')) {
    const bandId = Number(element.attribute('bandId') ?? NaN)
    const detector = Number(element.attribute('detectorId') ?? NaN)
    if (
      !Number.isInteger(bandId) ||
      bandId < 0 ||
      bandId > 12 ||
      !Number.isInteger(detector) ||
      detector < 1 ||
      detector > 12
    )
      throw new ProcessingError(
        'METADATA_INVALID',
        `View angles of band '${element.attribute('bandId')}', detector '${element.attribute('detectorId')}' ` +
          `in '${file}': expected bands 0 to 12, detectors 1 to 12. Download the product again.`,
      )
    const raw = readRawAngles(element, `View angles of band ${bandId}, detector ${detector}`, file)
    const detectors = byBand.get(bandId) ?? new Map<number, RawAngles>()
    const earlier = detectors.get(detector)
    detectors.set(detector, earlier === undefined ? raw : merge(earlier, raw))
    byBand.set(bandId, detectors)
  }
  const result = new Map<number, DetectorAngles[]>()
  for (const [bandId, detectors] of byBand) {
    const filled: DetectorAngles[] = []
    for (const [detector, raw] of [...detectors].sort(([a], [b]) => a - b)) {
      const validNodes = countValid(raw)
      if (validNodes === 0)
        notes.push(
          `View angles of band ${bandId}, detector ${detector} have no value; the detector is left out.`,
        )
      else {
        const isStated = new Uint8Array(raw.zenith.length)
        raw.zenith.forEach((zenith, i) => {
          isStated[i] = Number.isNaN(zenith) ? 0 : 1
        })
        filled.push({ detector, angles: fillByPlane(raw, ulx, uly), validNodes, isStated })
      }
    }
    result.set(bandId, filled)
  }
  return result
}

function merge(first: RawAngles, second: RawAngles): RawAngles {
  if (first.zenith.length !== second.zenith.length) return first
  const zenith = first.zenith.map((z, i) => (Number.isNaN(z) ? (second.zenith[i] ?? NaN) : z))
  const azimuth = first.azimuth.map((a, i) => (Number.isNaN(a) ? (second.azimuth[i] ?? NaN) : a))
  return { ...first, zenith, azimuth }
}

function normalizeAzimuth(degrees: number): number {
  if (degrees >= 0 && degrees < 360) return degrees // As given, without rounding.
  const turned = ((degrees % 360) + 360) % 360
  return turned === 360 ? 0 : turned
}

/** Least-squares plane through (x, y, value); where the points span only a line or a point, the one of smallest slope. */
export function planeThrough(
  points: readonly (readonly [number, number, number])[],
): (x: number, y: number) => number {
  const n = points.length
  const mean = (pick: 0 | 1 | 2) => points.reduce((sum, p) => sum + p[pick], 0) / n
  const [mx, my, mv] = [mean(0), mean(1), mean(2)]
  let [sxx, sxy, syy, sxv, syv] = [0, 0, 0, 0, 0]
  for (const [px, py, pv] of points) {
    const [x, y, v] = [px - mx, py - my, pv - mv]
    sxx += x * x
    sxy += x * y
    syy += y * y
    sxv += x * v
    syv += y * v
  }
  // Pseudo-inverse of the 2 x 2 normal matrix by its eigenvectors: a direction without spread gets slope zero.
  const half = (sxx + syy) / 2
  const spread = Math.hypot((sxx - syy) / 2, sxy)
  const angle = 0.5 * Math.atan2(2 * sxy, sxx - syy)
  let [slopeX, slopeY] = [0, 0]
  for (const [eigenvalue, ux, uy] of [
    [half + spread, Math.cos(angle), Math.sin(angle)],
    [half - spread, -Math.sin(angle), Math.cos(angle)],
  ] as const) {
    if (eigenvalue <= 1e-9 * (half + spread) || eigenvalue <= 0) continue
    const along = (ux * sxv + uy * syv) / eigenvalue
    slopeX += along * ux
    slopeY += along * uy
  }
  return (x, y) => mv + slopeX * (x - mx) + slopeY * (y - my)
}
