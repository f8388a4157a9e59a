import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea, PolygonRings, Position, Ring } from '../../domain/polygon.js'

/** Whether text begins with the word of a WKT geometry. */
export function looksLikeWkt(text: string): boolean {
  return /^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON)|^\s*GEOMETRYCOLLECTION/i.test(text)
}

/**
 * A POLYGON or MULTIPOLYGON in well-known text (OGC 06-103r4, section 7), longitude before latitude in degrees WGS 84; Z and M are
 * dropped. Throws GEOMETRY_INVALID for any other text, and for an SRID other than 4326.
 */
export function parseWkt(text: string): GeoJsonArea {
  const reader = new Reader(text)
  const srid = reader.take(/SRID=(\d+);/iy)
  if (srid !== null && srid[1] !== '4326')
    throw wrong(`has SRID ${srid[1] ?? ''}; expected degrees of 4326. Reproject it first`)
  const kind = reader.take(/(MULTIPOLYGON|POLYGON|[A-Z]+)\s*(?:ZM|Z|M)?(?=[\s(]|EMPTY)/iy)?.[1]?.toUpperCase()
  if (kind !== 'POLYGON' && kind !== 'MULTIPOLYGON')
    throw wrong(`is a ${kind ?? text.trim().slice(0, 20)}; expected POLYGON or MULTIPOLYGON`)
  const area: GeoJsonArea =
    kind === 'POLYGON'
      ? { type: 'Polygon', coordinates: reader.polygon() }
      : { type: 'MultiPolygon', coordinates: reader.list(() => reader.polygon()) }
  reader.end()
  return area
}

class Reader {
  private at = 0
  constructor(private readonly text: string) {}

  take(pattern: RegExp): RegExpExecArray | null {
    this.skipSpace()
    pattern.lastIndex = this.at
    const match = pattern.exec(this.text)
    if (match !== null) this.at += match[0].length
    return match
  }

  list<T>(item: () => T): readonly T[] {
    if (this.take(/EMPTY/iy) !== null) return []
    this.expect('(')
    const items = [item()]
    while (this.take(/,/y) !== null) items.push(item())
    this.expect(')')
    return items
  }

  polygon(): PolygonRings {
    return this.list((): Ring => this.list(() => this.position()))
  }

  private position(): Position {
    const numbers: number[] = []
    for (;;) {
      const match = this.take(/[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|[-+]?inf(?:inity)?/iy)
      if (match === null) break
      const value = Number(match[0])
      if (!Number.isFinite(value)) throw wrong(`has ${match[0]} ${this.place()}; expected a finite number`)
      numbers.push(value)
    }
    const [lon, lat] = numbers
    if (lon === undefined || lat === undefined || numbers.length > 4)
      throw wrong(
        `has ${numbers.length} numbers for a position ${this.place()}; expected longitude and latitude`,
      )
    return [lon, lat]
  }

  end(): void {
    this.take(/;/y)
    this.skipSpace()
    if (this.at < this.text.length) throw wrong(`goes on after its end ${this.place()}`)
  }

  private expect(mark: string): void {
    this.skipSpace()
    if (this.text[this.at] !== mark) throw wrong(`lacks '${mark}' ${this.place()}`)
    this.at++
  }

  private skipSpace(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++
  }

  private place(): string {
    const rest = this.text.slice(this.at, this.at + 20)
    return rest === '' ? 'at its end' : `before '${rest}'`
  }
}

function wrong(what: string): ProcessingError {
  return new ProcessingError('GEOMETRY_INVALID', `The area in WKT ${what}.`)
}
