import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AEROSOL_MODELS, type AerosolModel } from '../../domain/aerosol-mix.js'
import { ProcessingError } from '../../domain/errors.js'

/** First bytes of the file; the digit is the version of its form. */
const MAGIC = 'TILTHRT1'
const DIGEST_BYTES = 32

const ascending = z
  .array(z.number())
  .min(2)
  .refine((values) => values.every((v, i) => i === 0 || v > (values[i - 1] ?? v)), 'not ascending')
const perWavelength = z.array(z.number().nonnegative())

/** What the header says: the axes of the table, and what it was made of. */
const headerSchema = z.strictObject({
  /** Provenance, such as `successive-orders-1`. */
  name: z.string().min(1),
  /** Micrometres. */
  wavelengths_um: ascending,
  sun_zenith_deg: ascending,
  view_zenith_deg: ascending,
  /** 1/mu_sun + 1/mu_view of the single-scattering terms. */
  air_mass: ascending,
  /** Azimuthal orders of multiple scattering, 0 first. */
  orders: z.number().int().positive(),
  /** Optical depth of the aerosol at 550 nm, 0 first. */
  aot: ascending.refine((values) => values[0] === 0, 'does not begin with 0'),
  /** Pressure at the ground relative to 1013.25 hPa. */
  pressure_ratio: ascending,
  /** Cosines of the scattering angle of the phase functions. */
  phase_cosines: ascending,
  depolarisation: z.number(),
  streams: z.number().int().positive(),
  /** At least so many layers, none thicker than `step`. */
  layers: z.number().int().positive(),
  step: z.number().positive(),
  /** At 1013.25 hPa, by wavelength. */
  tau_rayleigh: perWavelength,
  models: z.array(
    z.strictObject({
      model: z.enum(AEROSOL_MODELS),
      /** Optical depth relative to that at 550 nm, and single scattering albedo, by wavelength. */
      extinction: perWavelength,
      albedo: perWavelength,
    }),
  ),
})
export type AtmosphereTableHeader = z.output<typeof headerSchema>

/** Values at one pressure and AOT: where each quantity begins, in numbers. */
export interface StateLayout {
  /** [order][view][sun] amplitude of cos(order x azimuth between directions of travel) of light scattered twice and more, reflectance. */
  readonly multiple: number
  /** [air mass] reflectance by single scattering in air = this x P_air / (4 mu_sun mu_view). */
  readonly singleAir: number
  /** [air mass] the same of aerosol = this x tau_aerosol x P_aerosol / (4 mu_sun mu_view). */
  readonly singleAerosol: number
  /** [sun] total transmittance of one leg. */
  readonly transmittance: number
  readonly sphericalAlbedo: number
  readonly length: number
}

export const stateLayout = (
  h: Pick<AtmosphereTableHeader, 'sun_zenith_deg' | 'view_zenith_deg' | 'air_mass' | 'orders'>,
): StateLayout => {
  const singleAir = h.orders * h.view_zenith_deg.length * h.sun_zenith_deg.length
  const singleAerosol = singleAir + h.air_mass.length
  const transmittance = singleAerosol + h.air_mass.length
  const sphericalAlbedo = transmittance + h.sun_zenith_deg.length
  return {
    ...{ multiple: 0, singleAir, singleAerosol, transmittance, sphericalAlbedo },
    length: sphericalAlbedo + 1,
  }
}

/**
 * Scattering in the atmosphere by wavelength, independent of any sensor. Immutable; its numbers lie in shared memory, so that threads of one
 * process may read the same copy.
 */
export interface AtmosphereTable {
  readonly header: AtmosphereTableHeader
  readonly layout: StateLayout
  /** Hexadecimal SHA-256 of what lies before the checksum. */
  readonly digest: string
  /** [pressure][aot][StateLayout] of one model and wavelength. */
  states(model: AerosolModel, wavelength: number): Float32Array
  /** [phase cosine], 1/2 integral P dmu = 1. */
  phase(model: AerosolModel, wavelength: number): Float32Array
}

const statesLength = (h: AtmosphereTableHeader): number =>
  h.pressure_ratio.length * h.aot.length * stateLayout(h).length

/**
 * The bytes of a table. @param states and @param phases [model][wavelength] in the header's order. The same input gives the same bytes.
 */
export function encodeAtmosphereTable(
  header: AtmosphereTableHeader,
  states: readonly (readonly Float32Array[])[],
  phases: readonly (readonly Float32Array[])[],
): Uint8Array {
  const text = Buffer.from(JSON.stringify(headerSchema.parse(header)))
  // Spaces up to a multiple of 8, so that the numbers lie where a Float32Array may begin.
  const padded = Buffer.concat([text, Buffer.alloc((8 - ((text.length + 4) % 8)) % 8, ' ')])
  const length = Buffer.alloc(4)
  length.writeUInt32LE(padded.length)
  const numbers = header.models.flatMap((_, m) =>
    header.wavelengths_um.flatMap((_, w) => [states[m]?.[w], phases[m]?.[w]]),
  )
  const parts = numbers.map((part) => {
    if (part === undefined) throw new Error('a wavelength of a model is missing')
    return Buffer.from(part.buffer, part.byteOffset, part.byteLength)
  })
  const body = Buffer.concat([Buffer.from(MAGIC), length, padded, ...parts])
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

/**
 * Reads a table and checks every byte of it. @param where names the file in messages.
 * @throws ProcessingError ATMOSPHERE_TABLE_INVALID where it is torn, changed, of another version or contradicts itself.
 */
export function parseAtmosphereTable(bytes: Uint8Array, where: string): AtmosphereTable {
  const refuse = (what: string) =>
    new ProcessingError(
      'ATMOSPHERE_TABLE_INVALID',
      `${where}: ${what}. Install the program whole again, or make the table anew with 'tilth rt build'.`,
    )
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = file.subarray(0, MAGIC.length).toString('latin1')
  if (magic !== MAGIC)
    throw refuse(`expected a table of the atmosphere that begins with ${MAGIC}, found '${printable(magic)}'`)
  const end = file.length - DIGEST_BYTES
  const digest = createHash('sha256')
    .update(file.subarray(0, Math.max(end, 0)))
    .digest()
  if (end < MAGIC.length + 4 || !digest.equals(file.subarray(end)))
    throw refuse(
      `the checksum of its ${file.length} bytes is not the one at its end: it is torn or was changed`,
    )
  const headerEnd = MAGIC.length + 4 + file.readUInt32LE(MAGIC.length)
  const parsed = headerSchema.safeParse(
    JSON.parse(file.subarray(MAGIC.length + 4, headerEnd).toString('utf8')),
  )
  if (!parsed.success) throw refuse(`its header is not as expected (${z.prettifyError(parsed.error)})`)
  const header = parsed.data
  const wavelengths = header.wavelengths_um.length
  const ofStates = statesLength(header)
  const ofOne = ofStates + header.phase_cosines.length
  const expected = header.models.length * wavelengths * ofOne * 4
  if (end - headerEnd !== expected)
    throw refuse(`expected ${expected} bytes of numbers after its header, found ${end - headerEnd}`)
  const shared = new SharedArrayBuffer(expected)
  new Uint8Array(shared).set(file.subarray(headerEnd, end))
  const at = (model: AerosolModel, wavelength: number): number => {
    const index = header.models.findIndex((m) => m.model === model)
    if (index < 0 || wavelength < 0 || wavelength >= wavelengths)
      throw refuse(`it has no ${model} aerosol at wavelength ${wavelength}`)
    return (index * wavelengths + wavelength) * ofOne * 4
  }
  return {
    header,
    layout: stateLayout(header),
    digest: digest.toString('hex'),
    states: (model, wavelength) => new Float32Array(shared, at(model, wavelength), ofStates),
    phase: (model, wavelength) =>
      new Float32Array(shared, at(model, wavelength) + 4 * ofStates, header.phase_cosines.length),
  }
}

const printable = (text: string): string => text.replace(/[^ -~]/g, '?')
