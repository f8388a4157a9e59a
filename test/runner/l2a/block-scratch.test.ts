import { existsSync, readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BlockBuffers } from '../../../src/runner/block-buffers.js'
import { BlockScratch } from '../../../src/runner/l2a/block-scratch.js'
import { temporaryFolder } from '../../support/cli.js'

const buffers = new BlockBuffers()

test('blocks come back in any order, and nothing is left after closing', async () => {
  const root = join(temporaryFolder('scratch'), 'made', 'when needed')
  const scratch = await BlockScratch.open(root)
  const blocks = [3, 0, 2, 1].map((n) => ({ n, bytes: new Uint8Array(n * 1000 + 1).fill(n + 1) }))
  await Promise.all(blocks.map(({ n, bytes }) => scratch.write('B02', n, bytes)))
  await scratch.write('B03', 0, Uint8Array.of(9))
  expect(scratch.bytes).toBe(6005)
  for (const { n, bytes } of [...blocks].reverse())
    expect(await scratch.read('B02', n, buffers)).toEqual(bytes)
  expect(await scratch.read('B03', 0, buffers)).toEqual(Uint8Array.of(9))
  await scratch.close()
  expect(readdirSync(root)).toEqual([])
})

test('a scratch folder that cannot be made, a file that was cut and a block that was never written each end with a code', async () => {
  await expect(BlockScratch.open('/proc/no/such/folder')).rejects.toMatchObject({ code: 'WRITE_FAILED' })
  const root = temporaryFolder('cut scratch')
  const scratch = await BlockScratch.open(root)
  await scratch.write('B02', 0, new Uint8Array(5000))
  await expect(scratch.read('B02', 1, buffers)).rejects.toMatchObject({ code: 'INTERNAL' })
  const folder = readdirSync(root)[0]!
  truncateSync(join(root, folder, 'B02'), 100)
  await expect(scratch.read('B02', 0, buffers)).rejects.toMatchObject({ code: 'WRITE_FAILED' })
  await scratch.close()
  expect(existsSync(join(root, folder))).toBe(false)
})
