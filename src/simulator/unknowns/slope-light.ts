/** Light on sloping ground, [pixels]: the beam against that on level ground (0 where the slope turns away), and the share of the sky that is seen. */
export interface SlopeLight {
  readonly beam: Float32Array
  readonly sky: Float32Array
}

/**
 * The ground as triangles between centres of pixels: a pixel's normal is the mean of those of the facets around it (four, fewer at the window's edge). The sun does not throw shadows over other slopes: with
 * slopes as gentle as the landscape's and the sun as high as in spring and summer there are none.
 * @param sunOnRow towards the sun on a row of pixels, east and north per unit of height at x metres from the left edge
 */
export function slopeLight(
  altitudeM: Float32Array,
  width: number,
  height: number,
  pixelM: number,
  sunOnRow: (row: number) => { at(x: number): readonly [number, number] },
): SlopeLight {
  const [beam, sky] = [new Float32Array(width * height), new Float32Array(width * height)]
  for (let row = 0; row < height; row++) {
    const sun = sunOnRow(row)
    for (let column = 0; column < width; column++) {
      const k = row * width + column
      const here = altitudeM[k] ?? 0
      let [nx, ny, nz] = [0, 0, 0]
      for (const right of [-1, 1])
        for (const down of [-1, 1]) {
          const [c, r] = [column + right, row + down]
          if (c < 0 || c >= width || r < 0 || r >= height) continue
          // Gradient of the facet between this pixel and its neighbours in these two directions; y grows to the north.
          const gx = (((altitudeM[k + right] ?? 0) - here) * right) / pixelM
          const gy = (-((altitudeM[k + down * width] ?? 0) - here) * down) / pixelM
          const length = Math.sqrt(1 + gx * gx + gy * gy)
          nx -= gx / length
          ny -= gy / length
          nz += 1 / length
        }
      const length = Math.sqrt(nx * nx + ny * ny + nz * nz)
      const [east, north] = sun.at((column + 0.5) * pixelM)
      // The sun's direction is (east, north, 1) over its length, whose inverse is the cosine on level ground.
      beam[k] = Math.max(0, (nx * east + ny * north + nz) / length)
      sky[k] = (1 + nz / length) / 2
    }
  }
  return { beam, sky }
}
