import gdal from 'gdal-async'
import type { Grid } from '../../src/domain/grid.js'

/** Writes a reversible JPEG 2000 of byte planes on a grid, in square tiles of `tile` pixels. */
export function writeJp2(path: string, grid: Grid, planes: readonly Uint8Array[], tile: number): void {
  const memory = gdal.open('', 'w', 'MEM', grid.width, grid.height, planes.length, gdal.GDT_Byte)
  memory.geoTransform = [grid.ulx, grid.pixelWidthM, 0, grid.uly, 0, -grid.pixelHeightM]
  memory.srs = gdal.SpatialReference.fromEPSG(grid.epsg)
  planes.forEach((plane, i) => {
    memory.bands.get(i + 1).pixels.write(0, 0, grid.width, grid.height, plane)
  })
  const options = {
    REVERSIBLE: 'YES',
    QUALITY: '100',
    BLOCKXSIZE: `${tile}`,
    BLOCKYSIZE: `${tile}`,
    YCC: 'NO',
  }
  gdal.drivers.get('JP2OpenJPEG').createCopy(path, memory, options).close()
  memory.close()
}
