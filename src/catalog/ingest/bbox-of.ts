import { fromUtm } from '../../domain/utm.js'

/** West, south, east, north in degrees of an extent in UTM metres; east > 180 over the antimeridian. */
export function bboxOf({
  epsg,
  extent,
}: {
  readonly epsg: number
  readonly extent: readonly [number, number, number, number]
}): readonly [number, number, number, number] {
  const [xmin, ymin, xmax, ymax] = extent
  const zone = epsg % 100
  const corners = (
    [
      [xmin, ymin],
      [xmax, ymin],
      [xmax, ymax],
      [xmin, ymax],
    ] as const
  ).map(([x, y]) => fromUtm(x, y, zone, epsg >= 32700))
  const west = corners[0]?.[0] ?? 0
  // Next to the antimeridian the eastern corners come out near -180.
  const lons = corners.map(([lon]) => (lon - west > 180 ? lon - 360 : west - lon > 180 ? lon + 360 : lon))
  const lats = corners.map((corner) => corner[1])
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}
