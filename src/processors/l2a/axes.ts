import { MODEL_AOT } from './aot-cost.js'
import type { TableAxes } from './band-table.js'
import type { AtmosphereNodes } from './coefficient-planes.js'
import { SCALE_HEIGHT_M } from './nodes.js'
import { altitudeAtPressure } from './pressure.js'

const extent = (values: Float32Array): readonly [number, number] => {
  let least = Infinity
  let most = -Infinity
  for (let i = 0; i < values.length; i++) {
    least = Math.min(least, values[i]!)
    most = Math.max(most, values[i]!)
  }
  return [least, most]
}

/** Vapours at which a table is made for a field: three in even steps of the root, or the one that it has everywhere. */
export function vapourAxis(wv: Float32Array): number[] {
  const [least, most] = extent(wv)
  if (most - least < 1e-6) return [least]
  return [least, ((Math.sqrt(least) + Math.sqrt(most)) / 2) ** 2, most]
}

/** Where a table is evaluated so that it holds for all nodes at all pressures; a quantity that is the same everywhere is taken as it is. */
export function axesOf(nodes: AtmosphereNodes, pressureHpa: ArrayLike<number>): TableAxes {
  const wv = vapourAxis(nodes.wv)
  const [least, most] = extent(nodes.aot)
  const thinner = Array.from(pressureHpa, (hpa) =>
    nodes.aotIs === 'ground' ? 1 : Math.exp(-altitudeAtPressure(hpa) / SCALE_HEIGHT_M),
  )
  const [low, high] = [least * Math.min(...thinner), most * Math.max(...thinner)]
  return { pressureHpa, wv, aot: high - low < 1e-6 ? [low] : aotAxis(low, high) }
}

/** AOTs of the model that hold from the lowest to the highest of a field; a parabola needs three. */
export function aotAxis(low: number, high: number): number[] {
  const last = MODEL_AOT.length - 1
  const from = Math.max(
    0,
    MODEL_AOT.findLastIndex((aot) => aot <= low),
  )
  const found = MODEL_AOT.findIndex((aot) => aot >= high)
  const to = Math.min(last, Math.max(found < 0 ? last : found, from + 2))
  return MODEL_AOT.slice(Math.min(from, to - 2), to + 1)
}

/** Every third of the correction's pressures and the last: 66 hPa apart, a line between them is off by less than 1e-3 of reflectance. */
export const fewPressures = (hpa: ArrayLike<number>): number[] =>
  Array.from(hpa).filter((_, i) => i % 3 === 0 || i === hpa.length - 1)
