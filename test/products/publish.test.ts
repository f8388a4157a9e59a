import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fsyncTree, moveIntoPlace, publishError } from '../../src/products/publish.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'publish-'))
})
afterEach(async () => {
  await rm(root, { recursive: true })
})

async function stage(name: string): Promise<string> {
  const staged = join(root, '.staging', name)
  await mkdir(join(staged, 'sub'), { recursive: true })
  await writeFile(join(staged, 'sub', 'B02.tif'), 'pixels')
  return staged
}

test('a staged product moves as a whole to a folder that did not exist', async () => {
  const staged = await stage('7-1')
  const final = join(root, 'L2A', '55JEJ', '2017', '12', 'name', 'r7-1')
  await fsyncTree(staged)
  await moveIntoPlace(staged, final)
  expect(await readFile(join(final, 'sub', 'B02.tif'), 'utf8')).toBe('pixels')
  expect(existsSync(staged)).toBe(false)
})

test('an existing revision is never replaced', async () => {
  const final = join(root, 'r7-1')
  await moveIntoPlace(await stage('a'), final)
  const second = await stage('b')
  await expect(moveIntoPlace(second, final)).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(existsSync(join(second, 'sub', 'B02.tif'))).toBe(true)
})

test('a missing folder fails as a write, in words that name it', async () => {
  await expect(fsyncTree(join(root, 'none'))).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    message: expect.stringContaining('none') as string,
  })
  await expect(moveIntoPlace(join(root, 'none'), join(root, 'x'))).rejects.toMatchObject({
    code: 'WRITE_FAILED',
  })
})

test.skipIf(!existsSync('/dev/shm'))('a move across file systems is refused, not copied', async (context) => {
  const other = await mkdtemp('/dev/shm/publish-')
  try {
    const staged = await stage('c')
    const moved = await moveIntoPlace(staged, join(other, 'r1-1')).catch((error: unknown) => error)
    if (moved === undefined) context.skip() // Here /tmp and /dev/shm are one file system.
    expect(moved).toMatchObject({
      code: 'WRITE_FAILED',
      message: expect.stringContaining('different file systems') as string,
    })
    expect(existsSync(join(staged, 'sub', 'B02.tif'))).toBe(true)
  } finally {
    await rm(other, { recursive: true })
  }
})

test.each([
  ['ENOSPC', 'DISK_FULL', 'resource'],
  ['EDQUOT', 'DISK_FULL', 'resource'],
  ['EXDEV', 'WRITE_FAILED', 'transient'],
  ['EIO', 'WRITE_FAILED', 'transient'],
])('the system error %s becomes %s', (system, code, failure) => {
  const cause = Object.assign(new Error('low level'), { code: system })
  expect(publishError('Moving', cause)).toMatchObject({ code, failure, cause })
})
