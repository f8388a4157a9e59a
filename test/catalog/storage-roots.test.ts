import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { App } from '../../src/app.js'
import { listRoots, provenRoots, registerRoot, rootsProver } from '../../src/catalog/storage-roots.js'
import { temporaryFolder, tilth } from '../support/cli.js'
import { createTestDatabase, type TestDatabase } from '../support/database.js'

let database: TestDatabase
let app: App
beforeAll(async () => {
  database = await createTestDatabase()
  app = await database.open()
})
afterAll(() => database.close())
beforeEach(async () => {
  await app.db.deleteFrom('storage_root').execute()
  for (const path of Object.values(app.config.roots)) rmSync(path, { recursive: true, force: true })
})

test('the first use makes and registers the default folders with a marker each; the next finds them', async () => {
  expect(await provenRoots(app.db, app.config)).toEqual(app.config.roots)
  const rows = await listRoots(app.db)
  expect(rows.map(({ name }) => name)).toEqual(['archive', 'l1', 'scratch'])
  expect(new Set(rows.map(({ marker }) => marker)).size).toBe(3)
  expect(existsSync(join(app.config.roots.l1, '.tilth-root'))).toBe(true)
  await provenRoots(app.db, app.config)
  expect(await listRoots(app.db)).toEqual(rows)
})

test('first use by several processes at once registers each folder once', async () => {
  const others = await Promise.all([database.open(), database.open(), database.open()])
  const found = await Promise.all([app, ...others].map(({ db, config }) => provenRoots(db, config)))
  for (const roots of found) expect(roots).toEqual(app.config.roots)
  expect(await listRoots(app.db)).toHaveLength(3)
})

test('an unmounted root, where the folder is there but empty, is named with what to do and left empty', async () => {
  await provenRoots(app.db, app.config)
  const { archive } = app.config.roots
  renameSync(archive, `${archive}-unmounted`)
  mkdirSync(archive)
  await expect(provenRoots(app.db, app.config)).rejects.toMatchObject({
    code: 'ROOT_UNAVAILABLE',
    message: expect.stringMatching(
      /'archive' should be .* no file \.tilth-root .*tilth db root archive/,
    ) as string,
  })
  expect(existsSync(join(archive, '.tilth-root'))).toBe(false)
  rmSync(archive, { recursive: true })
  renameSync(`${archive}-unmounted`, archive)
  expect(await provenRoots(app.db, app.config)).toEqual(app.config.roots)
})

test('who proves again and again asks the database once, sees an unmounted root at once, and a root that moved', async () => {
  await provenRoots(app.db, app.config)
  const questions = vi.spyOn(app.db, 'selectFrom')
  const prove = rootsProver(app.db, app.config)
  for (let i = 0; i < 5; i++) expect(await prove()).toEqual(app.config.roots)
  expect(questions).toHaveBeenCalledOnce()
  questions.mockRestore()
  const { archive } = app.config.roots
  renameSync(archive, `${archive}-unmounted`)
  mkdirSync(archive)
  await expect(prove(['archive'])).rejects.toMatchObject({ code: 'ROOT_UNAVAILABLE' })
  await registerRoot(app.db, app.config, 'archive', `${archive}-unmounted`, { replace: true, create: false })
  expect(await prove()).toEqual({ ...app.config.roots, archive: `${archive}-unmounted` })
})

test('the marker of another root is refused, so swapped disks are seen', async () => {
  const { archive, l1 } = await provenRoots(app.db, app.config)
  renameSync(join(archive, '.tilth-root'), join(app.config.home, 'kept'))
  renameSync(join(l1, '.tilth-root'), join(archive, '.tilth-root'))
  renameSync(join(app.config.home, 'kept'), join(l1, '.tilth-root'))
  await expect(provenRoots(app.db, app.config)).rejects.toThrow(/\.tilth-root is that of another root/)
})

test('another folder is used once it is registered; an unknown name or a file in its place is refused', async () => {
  await provenRoots(app.db, app.config)
  const moved = join(app.config.home, 'other disk', 'archive')
  await registerRoot(app.db, app.config, 'archive', moved, { replace: true, create: true })
  expect(await provenRoots(app.db, app.config)).toEqual({ ...app.config.roots, archive: moved })
  await expect(
    registerRoot(app.db, app.config, 'attic', moved, { replace: true, create: true }),
  ).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  })
  const file = join(app.config.home, 'file')
  writeFileSync(file, '')
  await expect(
    registerRoot(app.db, app.config, 'archive', file, { replace: true, create: true }),
  ).rejects.toMatchObject({
    code: 'WRITE_FAILED',
    message: expect.stringContaining(file) as string,
  })
  expect(await provenRoots(app.db, app.config)).toMatchObject({ archive: moved })
})

test('roots are those of a host: another host has its own folders', async () => {
  await provenRoots(app.db, app.config)
  const roots = {
    archive: join(app.config.home, 'b/archive'),
    l1: join(app.config.home, 'b/l1'),
    scratch: join(app.config.home, 'b/scratch'),
  }
  expect(await provenRoots(app.db, { roots, host: 'b' })).toEqual(roots)
  expect(await provenRoots(app.db, app.config)).toEqual(app.config.roots)
})

test('a folder that is not there is made only when asked: a mistyped path is no root', async () => {
  const mistyped = join(temporaryFolder('roots'), 'archvie')
  const before = await listRoots(app.db)
  const refused = await tilth(['db', 'root', 'archive', mistyped], database.env)
  expect([refused.exitCode, refused.stderr]).toEqual([
    66,
    expect.stringMatching(/NOT_FOUND.*archvie, but there is no such folder.*--create.*Nothing was changed/),
  ])
  expect([existsSync(mistyped), await listRoots(app.db)]).toEqual([false, before])
  const made = await tilth(['db', 'root', 'archive', mistyped, '--create'], database.env)
  expect([made.exitCode, existsSync(join(mistyped, '.tilth-root'))]).toEqual([0, true])
})
