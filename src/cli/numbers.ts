import { InvalidArgumentError } from 'commander'
import { wrongWithBandChoice } from '../domain/band-choice.js'
import type { TileSquare } from '../domain/mgrs.js'
import { parseTargetGrid } from '../domain/target-grid.js'
import { wrongWithAerosolMix } from '../domain/aerosol-mix.js'

/** A parser of options and arguments: commander adds which one it was to the message. */
type Parser = (text: string) => number

export const finiteNumber: Parser = (text) => {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value))
    throw new InvalidArgumentError(`expected a number, found '${text}'`)
  return value
}

export const wholeNumber: Parser = (text) => {
  if (!Number.isSafeInteger(finiteNumber(text)))
    throw new InvalidArgumentError(`expected a whole number, found '${text}'`)
  return Number(text)
}

/** Ids and counts. */
export const positiveInteger: Parser = (text) => {
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new InvalidArgumentError(`expected a whole number from 1, found '${text}'`)
  return Number(text)
}

/** Both ends included; `unit` is for the message. */
export const numberIn =
  (min: number, max: number, unit = ''): Parser =>
  (text) => {
    const value = Number(text)
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(
        `expected a number from ${min} to ${max}${unit === '' ? '' : ` ${unit}`}, found '${text}'`,
      )
    return value
  }

/** The word `auto`, or what the parser takes. */
export const autoOr =
  <T>(parser: (text: string) => T) =>
  (text: string): T | 'auto' =>
    text === 'auto' ? 'auto' : parser(text)

export const wholeNumberIn =
  (min: number, max: number): Parser =>
  (text) => {
    const value = Number(text)
    if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}, found '${text}'`)
    return value
  }

/** Names of bands between commas, as they are; only checked. */
export const bandChoice = (text: string): string => {
  const wrong = wrongWithBandChoice(text)
  if (wrong !== null) throw new InvalidArgumentError(wrong)
  return text
}

/** Aerosol models by weight, as they are; only checked. */
export const aerosolMix = (text: string): string => {
  const wrong = wrongWithAerosolMix(text)
  if (wrong !== null) throw new InvalidArgumentError(wrong)
  return text
}

/** The grid of a Sentinel-2 tile, `sentinel2:31TCJ`. */
export const targetGrid = (text: string): TileSquare => {
  try {
    return parseTargetGrid(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

/** West, south, east, north, degrees. */
export const lonLatBox = (text: string): readonly [number, number, number, number] => {
  const [west = NaN, south = NaN, east = NaN, north = NaN, ...more] = text.split(',').map(Number)
  const isBox = west < east && south < north && west >= -180 && east <= 180 && south >= -90 && north <= 90
  if (!isBox || more.length > 0)
    throw new InvalidArgumentError(
      `expected west,south,east,north in degrees, west < east and south < north, found '${text}'.`,
    )
  return [west, south, east, north]
}
