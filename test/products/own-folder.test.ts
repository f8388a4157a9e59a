import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { replaceOwnFolder } from '../../src/products/own-folder.js'
import { temporaryFolder } from '../support/cli.js'

test('a folder that was made here is replaced, an absent or empty one taken', async () => {
  const folder = join(temporaryFolder('own'), 'deep', 'here')
  await replaceOwnFolder(folder)
  writeFileSync(join(folder, 'old'), 'x')
  await replaceOwnFolder(folder)
  expect(readdirSync(folder)).toEqual(['.tilth-replaceable'])
})

test('a folder of somebody else is refused, and all in it stays', async () => {
  const folder = join(temporaryFolder('own'), 'photos')
  mkdirSync(folder)
  writeFileSync(join(folder, 'DSC0001.jpg'), 'x')
  await expect(replaceOwnFolder(folder)).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(existsSync(join(folder, 'DSC0001.jpg'))).toBe(true)
})
