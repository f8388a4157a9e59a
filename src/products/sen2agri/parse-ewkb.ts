import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea, PolygonRings, Position } from '../../domain/polygon.js'

const [POLYGON, MULTIPOLYGON] = [3, 6]
const [HAS_Z, HAS_M, HAS_SRID] = [0x8000_0000, 0x4000_0000, 0x2000_0000]

/**
 * A polygon or multipolygon as PostGIS writes geography in text: extended well-known binary in hexadecimal, degrees of SRID 4326; Z and M are dropped.
 * Throws GEOMETRY_INVALID. Source: PostGIS documentation, ST_AsEWKB; OGC 06-103r4, section 8.
 */
export function parseHexEwkb(hex: string): GeoJsonArea {
  if (!/^([0-9a-f]{2})+$/i.test(hex)) throw wrong(`'${hex.slice(0, 20)}' is no hexadecimal number`)
  const reader = new Reader(Buffer.from(hex, 'hex'))
  const area = reader.area()
  if (!reader.isAtEnd) throw wrong('has bytes left over')
  return area
}

class Reader {
  private at = 0
  private isLittle = true

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length
  }

  area(): GeoJsonArea {
    const { kind, extra } = this.head()
    if (kind === POLYGON) return { type: 'Polygon', coordinates: this.rings(extra) }
    if (kind !== MULTIPOLYGON) throw wrong(`is of type ${kind}; expected a polygon (3) or multipolygon (6)`)
    const polygons = this.list(21, () => {
      const part = this.head()
      if (part.kind !== POLYGON) throw wrong(`has a part of type ${part.kind}; expected polygons (3)`)
      return this.rings(part.extra)
    })
    return { type: 'MultiPolygon', coordinates: polygons }
  }

  /** Byte order, type and SRID; `extra`: values of a point beside longitude and latitude. */
  private head(): { kind: number; extra: number } {
    this.need(5)
    this.isLittle = this.bytes.readUInt8(this.at++) === 1
    const type = this.integer()
    if ((type & HAS_SRID) !== 0) {
      const srid = this.integer()
      if (srid !== 4326) throw wrong(`has SRID ${srid}; expected degrees of 4326`)
    }
    return { kind: type & 0xff, extra: ((type & HAS_Z) !== 0 ? 1 : 0) + ((type & HAS_M) !== 0 ? 1 : 0) }
  }

  private rings(extra: number): PolygonRings {
    const size = 8 * (2 + extra)
    return this.list(4, () =>
      this.list(size, (): Position => {
        this.need(size)
        const [x, y] = [this.double(0), this.double(8)]
        this.at += size
        return [x, y]
      }),
    )
  }

  /** As many items as are announced, each of at least `least` bytes: a lying count asks for no memory. */
  private list<T>(least: number, item: () => T): T[] {
    const count = this.integer()
    this.need(count * least)
    return Array.from({ length: count }, item)
  }

  private integer(): number {
    this.need(4)
    const value = this.isLittle ? this.bytes.readUInt32LE(this.at) : this.bytes.readUInt32BE(this.at)
    this.at += 4
    return value
  }

  private double(offset: number): number {
    const at = this.at + offset
    return this.isLittle ? this.bytes.readDoubleLE(at) : this.bytes.readDoubleBE(at)
  }

  private need(count: number): void {
    if (this.at + count > this.bytes.length) throw wrong('is cut short')
  }
}

const wrong = (what: string): ProcessingError =>
  new ProcessingError('GEOMETRY_INVALID', `The geometry in binary form ${what}.`)
