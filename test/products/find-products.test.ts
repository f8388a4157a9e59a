import { mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findProductFolders, findProducts } from '../../src/products/find-products.js'
import { temporaryFolder } from '../support/cli.js'

const folder = temporaryFolder('find products')

test('in an unpacked archive a link that leads out is refused, and what it leads to stays as it is', async () => {
  const outside = join(folder, 'outside')
  mkdirSync(join(outside, 'X.SAFE', 'GRANULE'), { recursive: true })
  for (const [name, target] of [
    ['to a product', join(outside, 'X.SAFE')],
    ['to a folder with one', outside],
    // Begins as the folder's own path does.
    ['to a neighbour', '../unpacked to a neighbour 2'],
  ] as const) {
    const unpacked = join(folder, `unpacked ${name}`)
    mkdirSync(join(unpacked, 'OWN.SAFE'), { recursive: true })
    expect(await findProductFolders(unpacked)).toMatchObject([{ path: join(unpacked, 'OWN.SAFE') }])
    mkdirSync(join(folder, `unpacked ${name} 2`, 'Y.SAFE'), { recursive: true })
    symlinkSync(target, join(unpacked, 'link'))
    await expect(findProductFolders(unpacked)).rejects.toMatchObject({
      code: 'ARCHIVE_UNSAFE',
      message: expect.stringMatching(/A link in '.*' leads out to '.*[XY]\.SAFE'/) as string,
    })
    // In a folder that a user names links are followed, once.
    expect(await findProducts(unpacked)).toHaveLength(2)
  }
  expect(readdirSync(join(outside, 'X.SAFE'))).toEqual(['GRANULE'])
})
