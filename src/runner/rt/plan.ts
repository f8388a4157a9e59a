import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { AEROSOL_MODELS, type AerosolModel } from '../../domain/aerosol-mix.js'
import { ProcessingError } from '../../domain/errors.js'
import { stateLayout, type AtmosphereTableHeader } from '../../processors/l2a/rt-table.js'

/** Raised when solver or axes change: parts of an earlier build are then not used. */
const NAME = 'successive-orders-1'
const RADIAN = Math.PI / 180

/** Axes and steps of the shipped table; why these is in docs/decisions/0017-radiative-transfer.md. */
export const AXES = {
  sun_zenith_deg: [0, 8, 16, 24, 32, 40, 46, 52, 58, 63, 68, 72, 76, 80],
  view_zenith_deg: [0, 6, 12, 18],
  // 1/cos 80 + 1/cos 18 = 6.81.
  air_mass: [2, 2.2, 2.5, 2.9, 3.5, 4.4, 5.6, 7],
  orders: 3,
  aot: [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2],
  pressure_ratio: [0.3, 0.45, 0.6, 0.73, 0.85, 0.97, 1.09],
  depolarisation: 0.0279,
  streams: 24,
  layers: 24,
  step: 0.02,
} as const

const numbers = z.array(z.number().nonnegative())
const opticsSchema = z.strictObject({
  source: z.string(),
  wavelengths_um: z.array(z.number().positive()).min(2),
  cosines: z.array(z.number().min(-1).max(1)),
  models: z.record(
    z.enum(AEROSOL_MODELS),
    z.array(z.strictObject({ extinction: z.number(), albedo: z.number().max(1), phase: numbers })),
  ),
})
export type AerosolOptics = z.output<typeof opticsSchema>

/** @throws ProcessingError NOT_FOUND, METADATA_INVALID. */
export async function readAerosolOptics(path: string): Promise<AerosolOptics> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ProcessingError('NOT_FOUND', `No aerosol optics at ${path}. Install the program whole again.`, {
      cause,
    })
  })
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw new ProcessingError('METADATA_INVALID', `${path} is no JSON. Install the program whole again.`, {
      cause,
    })
  }
  const parsed = opticsSchema.safeParse(content)
  if (parsed.success) return parsed.data
  throw new ProcessingError(
    'METADATA_INVALID',
    `${path} is no description of aerosol optics: ${z.prettifyError(parsed.error)}`,
  )
}

/** Optical depth of air at 1013.25 hPa. @param um wavelength, micrometres. Source: Hansen and Travis (1974), Space Sci. Rev. 16, eq. 2.30. */
export function rayleighOpticalDepth(um: number): number {
  const inverse = 1 / (um * um)
  return 0.008569 * inverse ** 2 * (1 + 0.0113 * inverse + 0.00013 * inverse ** 2)
}

/** What one call of the solver makes: all states of one aerosol and wavelength. */
export interface TablePart {
  readonly model: AerosolModel
  readonly wavelength: number
  /** What `rt_solve` reads. */
  readonly description: string
  /** Of its answer. */
  readonly bytes: number
}

export interface TablePlan {
  readonly header: AtmosphereTableHeader
  /** In the order of the table. */
  readonly parts: readonly TablePart[]
  /** [model][wavelength][phase cosine]. */
  readonly phases: readonly (readonly Float32Array[])[]
}

type Axes = {
  readonly [K in keyof typeof AXES]: (typeof AXES)[K] extends number ? number : readonly number[]
}

/** Everything that a table is made of, from optics and axes alone. */
export function planTable(optics: AerosolOptics, axes: Axes = AXES): TablePlan {
  const models = AEROSOL_MODELS.map((model) => ({ model, rows: optics.models[model] }))
  const header: AtmosphereTableHeader = {
    name: NAME,
    wavelengths_um: optics.wavelengths_um,
    sun_zenith_deg: [...axes.sun_zenith_deg],
    view_zenith_deg: [...axes.view_zenith_deg],
    air_mass: [...axes.air_mass],
    orders: axes.orders,
    aot: [...axes.aot],
    pressure_ratio: [...axes.pressure_ratio],
    phase_cosines: optics.cosines,
    depolarisation: axes.depolarisation,
    streams: axes.streams,
    layers: axes.layers,
    step: axes.step,
    tau_rayleigh: optics.wavelengths_um.map(rayleighOpticalDepth),
    models: models.map(({ model, rows }) => ({
      model,
      extinction: rows.map((row) => row.extinction),
      albedo: rows.map((row) => row.albedo),
    })),
  }
  const bytes = 4 * header.pressure_ratio.length * header.aot.length * stateLayout(header).length
  return {
    header,
    parts: models.flatMap(({ model, rows }) =>
      rows.map((row, wavelength) => ({
        model,
        wavelength,
        description: describe(header, wavelength, row),
        bytes,
      })),
    ),
    phases: models.map(({ rows }) => rows.map((row) => Float32Array.from(row.phase))),
  }
}

function describe(
  header: AtmosphereTableHeader,
  wavelength: number,
  { extinction, albedo, phase }: AerosolOptics['models'][AerosolModel][number],
): string {
  const list = (name: string, values: readonly number[]) => `${name} ${values.length} ${values.join(' ')}`
  const cosines = (degrees: readonly number[]) => degrees.map((d) => Math.cos(d * RADIAN))
  return [
    `streams ${header.streams} layers ${header.layers} step ${header.step} orders ${header.orders} depolarisation ${header.depolarisation}`,
    list('view_mu', cosines(header.view_zenith_deg)),
    list('sun_mu', cosines(header.sun_zenith_deg)),
    list('air_mass', header.air_mass),
    list('aot', header.aot),
    list('pressure', header.pressure_ratio),
    `tau_rayleigh ${header.tau_rayleigh[wavelength] ?? NaN} extinction ${extinction} albedo ${albedo}`,
    list('cosines', header.phase_cosines),
    list('phase', phase),
    '',
  ].join('\n')
}
