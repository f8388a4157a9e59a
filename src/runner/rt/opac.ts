/**
 * Optics of aerosols of OPAC by Mie theory, put beside those of 6S in config/rt/aerosol-optics.json: `node dist/src/runner/rt/opac.js`, some seconds. What they are made of
 * is in config/rt/opac.json, as published; nothing here is fitted. Source: Hess, Koepke and Schult (1998), Bull. Am. Meteorol. Soc. 79, 831.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { AEROSOL_MODELS } from '../../domain/aerosol-mix.js'
import { scatterByMany, type ParticleOptics } from './mie.js'
import { programRoot } from './solve-part.js'

const positive = z.number().positive()
const componentSchema = z.strictObject({
  mode_um: positive,
  sigma: positive,
  least_um: positive,
  most_um: positive,
  real: z.array(positive),
  absorbing: z.array(z.number().nonnegative()),
})
const opacSchema = z.strictObject({
  source: z.string(),
  /** Of the refractive indices n - ik. */
  wavelengths_um: z.array(positive),
  components: z.record(z.string(), componentSchema),
  /** Particles of each component per cm3. */
  models: z.partialRecord(z.enum(AEROSOL_MODELS), z.record(z.string(), positive)),
})
export type Opac = z.output<typeof opacSchema>

export const readOpac = (): Opac =>
  opacSchema.parse(JSON.parse(readFileSync(join(programRoot(), 'config/rt/opac.json'), 'utf8')))

/** A component at one wavelength; refractive indices are linear between those of OPAC. @throws RangeError beyond them. */
export function componentOptics(
  { components, wavelengths_um }: Opac,
  name: string,
  um: number,
  cosines: readonly number[],
): ParticleOptics {
  const component = components[name]
  const upper = Math.max(
    1,
    wavelengths_um.findIndex((w) => w >= um),
  )
  const [low, high] = [wavelengths_um[upper - 1] ?? NaN, wavelengths_um[upper] ?? NaN]
  if (component === undefined || !(low <= um && um <= high))
    throw new RangeError(`no ${name} of OPAC at ${um} um`)
  const t = (um - low) / (high - low)
  const at = (values: readonly number[]) => (1 - t) * (values[upper - 1] ?? NaN) + t * (values[upper] ?? NaN)
  const index = { real: at(component.real), absorbing: at(component.absorbing) }
  return scatterByMany(component, um, index, cosines)
}

/** Optics of components side by side. @param numbers of particles of each, per cm3. */
export function mixtureOptics(
  opac: Opac,
  numbers: Readonly<Record<string, number>>,
  um: number,
  cosines: readonly number[],
): ParticleOptics {
  const phase = new Float64Array(cosines.length)
  let [extinction, scattering, forward] = [0, 0, 0]
  for (const [name, number] of Object.entries(numbers)) {
    const one = componentOptics(opac, name, um, cosines)
    extinction += number * one.extinction
    scattering += number * one.scattering
    forward += number * one.scattering * one.asymmetry
    one.phase.forEach((p, j) => (phase[j] = (phase[j] ?? NaN) + number * p))
  }
  return { extinction, scattering, asymmetry: forward / scattering, phase }
}

/** Where extinction is 1. */
const REFERENCE_UM = 0.55
/** Enough for the table, whose numbers are float32, and few enough that no computer rounds otherwise. */
const DIGITS = 6
const rounded = (value: number): number => Number(value.toPrecision(DIGITS))

/** A model as aerosol-optics.json has it, by wavelength. */
export function opacModel(
  opac: Opac,
  numbers: Readonly<Record<string, number>>,
  {
    wavelengths_um,
    cosines,
  }: { readonly wavelengths_um: readonly number[]; readonly cosines: readonly number[] },
): { extinction: number; albedo: number; phase: number[] }[] {
  const reference = mixtureOptics(opac, numbers, REFERENCE_UM, []).extinction
  return wavelengths_um.map((um) => {
    const { extinction, scattering, phase } = mixtureOptics(opac, numbers, um, cosines)
    return {
      extinction: rounded(extinction / reference),
      albedo: rounded(scattering / extinction),
      phase: [...phase].map((p) => rounded(p / scattering)),
    }
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(programRoot(), 'config/rt/aerosol-optics.json')
  const optics = z
    .looseObject({
      wavelengths_um: z.array(positive),
      cosines: z.array(z.number()),
      models: z.record(z.string(), z.unknown()),
    })
    .parse(JSON.parse(readFileSync(path, 'utf8')))
  const opac = readOpac()
  for (const [model, numbers] of Object.entries(opac.models))
    optics.models[model] = opacModel(opac, numbers, optics)
  writeFileSync(path, `${JSON.stringify(optics)}\n`)
}
