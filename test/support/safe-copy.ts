import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SHARED = join(import.meta.dirname, '../../../shared/data')
export const REAL_L1C = join(
  SHARED,
  's2-l1c-decimated/S2A_MSIL1C_20171207T002051_N0206_R116_T55JEJ_20171207T032513.SAFE',
)
export const S2_METADATA = join(SHARED, 's2-metadata')
export const DEM = join(SHARED, 'dem')
export const hasRealL1c = existsSync(REAL_L1C)

/** A writable copy of the real product in a folder of its own; `name` need not be that of the product. */
export function copyRealL1c(name = 'copy of a product.SAFE'): {
  path: string
  granule: string
  remove: () => void
} {
  const folder = mkdtempSync(join(tmpdir(), 'tilth l1c '))
  const path = join(folder, name)
  execFileSync('cp', ['-R', REAL_L1C, path])
  execFileSync('chmod', ['-R', 'u+w', folder])
  const granules = join(path, 'GRANULE')
  return {
    path,
    granule: join(granules, readdirSync(granules)[0]!),
    remove: () => {
      rmSync(folder, { recursive: true })
    },
  }
}

/** Cuts a file to a share of its length. */
export function truncateFile(path: string, share: number): void {
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * share)))
}

/** Path of a band's image in a granule folder. */
export function imageOf(granule: string, band: string): string {
  const folder = join(granule, 'IMG_DATA')
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(`_${band}.jp2`))!,
  )
}
