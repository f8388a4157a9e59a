import type { KnownGround } from './aot.js'
import type { ChainState } from './chain-state.js'
import { agedSigma, readColours, spreadOfLine } from './ground-colours.js'

/** MAJA: near infrared that changed by less than this share is of ground that did not. */
const UNCHANGED = 0.075
/** Days after which ground is no longer taken as the same. */
const MOST_DAYS = 60

/** Nothing is known of so many cells. */
export const nothingKnown = (cells: number): KnownGround => ({
  blue: new Float32Array(cells).fill(NaN),
  isUnchanged: new Uint8Array(cells),
  colours: null,
})

/** What the state of a chain says of the ground of a date. @param nir surface reflectance of the date under thin air, unit 1, on the state's cells. @param day of the date, days since 1970-01-01. */
export function groundKnownBy(state: ChainState, nir: Float32Array, day: number): KnownGround {
  const colours = readColours(state)
  const rho = (band: 'red' | 'nir') =>
    Float32Array.from(state.bands[band], (v, i) => (state.days[i] === 0 ? NaN : v / 10_000))
  const spread = spreadOfLine(colours, rho('red'), rho('nir'))
  const sigma = colours.sigma.map((value, i) => agedSigma(value, day - state.days[i]!))
  const known = {
    ...nothingKnown(nir.length),
    colours: spread === 0 ? null : { ...colours, sigma, spread },
  }
  for (let i = 0; i < nir.length; i++) {
    const then = state.days[i]!
    if (then === 0) continue
    known.blue[i] = state.bands.blue[i]! / 10_000
    const before = state.bands.nir[i]! / 10_000
    const isSame = Math.abs(nir[i]! - before) < UNCHANGED * before
    known.isUnchanged[i] = isSame && Math.abs(day - then) <= MOST_DAYS ? 1 : 0
  }
  return known
}
