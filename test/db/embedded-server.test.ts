import { existsSync } from 'node:fs'
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addressUrl, joinEmbeddedServer, type EmbeddedServer } from '../../src/db/embedded-server.js'
import { loadConfig } from '../../src/config/config.js'

const SETTINGS = { fsync: 'off' }
const programRoot = loadConfig({}).programRoot
const built = join(programRoot, 'dist/src/db/embedded-server.js')
let parent: string
let home: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tilth server '))
  await chmod(parent, 0o755)
  home = join(parent, "it's home")
})
afterEach(() => rm(parent, { recursive: true, force: true }))

const join1 = () => joinEmbeddedServer({ home, settings: SETTINGS })
const ask = async (server: EmbeddedServer, sql: string): Promise<string> => {
  const client = new pg.Client({ ...server.address })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return String(Object.values(rows[0] ?? {})[0])
  } finally {
    await client.end()
  }
}
const pidFile = () => join(home, 'postgres/data/postmaster.pid')
const pid = async () => Number((await readFile(pidFile(), 'utf8')).split('\n')[0])

describe('the embedded server', () => {
  test('keeps its data over a stop, in a folder with spaces and quotes; the last to leave stops it', async () => {
    const first = await join1()
    await ask(first, 'create table kept as select 42 as answer')
    const second = await join1()
    await first.release()
    expect(existsSync(pidFile())).toBe(true)
    expect(await ask(second, 'select answer from kept')).toBe('42')
    await second.release()
    expect(existsSync(pidFile())).toBe(false)
    const again = await join1()
    expect(await ask(again, 'select answer from kept')).toBe('42')
    await again.release()
  })

  test('started by several at once is one server', async () => {
    const servers = await Promise.all([join1(), join1(), join1()])
    const pids = await Promise.all(servers.map((s) => ask(s, "select pg_read_file('postmaster.pid')")))
    expect(new Set(pids.map((text) => text.split('\n')[0])).size).toBe(1)
    await Promise.all(servers.map((s) => s.release()))
    expect(existsSync(pidFile())).toBe(false)
  })

  test('is started again in the background when it dies in use', async () => {
    const server = await join1()
    const before = await pid()
    process.kill(before, 'SIGKILL')
    const joined = await join1()
    expect(await pid()).not.toBe(before)
    expect(await ask(server, 'select 1')).toBe('1')
    await joined.release()
    await server.release()
  })

  test('a pid file whose number belongs to another program now does not stop it', async () => {
    await (await join1()).release()
    await writeFile(
      pidFile(),
      `${String(process.pid)}\n${join(home, 'postgres/data')}\n1700000000\n5432\n\n\n  1 1\nready\n`,
    )
    const server = await join1()
    expect(await ask(server, 'select 1')).toBe('1')
    await server.release()
  })

  test('a data folder deeper than a socket path may be works', async () => {
    home = join(parent, 'x'.repeat(120))
    const server = await join1()
    expect(server.address.host.startsWith('/tmp/tilth-')).toBe(true)
    expect(await ask(server, 'select 1')).toBe('1')
    const client = new pg.Client({ connectionString: addressUrl(server.address) })
    await client.connect()
    await client.end()
    await server.release()
    await rm(server.address.host, { recursive: true, force: true })
  })

  test.skipIf(process.getuid?.() !== 0)(
    'as root below a folder that the server cannot enter, it says which',
    async () => {
      await chmod(parent, 0o700)
      await expect(join1()).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringContaining(parent) as string,
      })
    },
  )

  test.skipIf(!existsSync(built))('a server left behind by kill -9 is found, used and stopped', async () => {
    const child = execa(
      process.execPath,
      ['--input-type=module', '-e', holder('setInterval(() => {}, 1000)')],
      { reject: false, stderr: 'inherit' },
    )
    await once(child.stdout, 'data')
    const left = await pid()
    child.kill('SIGKILL')
    await child
    const server = await join1()
    expect(await pid()).toBe(left)
    expect(await ask(server, 'select 1')).toBe('1')
    await server.release()
    expect(existsSync(pidFile())).toBe(false)
  })

  test.skipIf(!existsSync(built) || process.getuid?.() !== 0)(
    'works for a user who is not root',
    async () => {
      const nobody = 65_534
      await chown(parent, nobody, nobody)
      const result = await execa(
        process.execPath,
        ['--input-type=module', '-e', holder('await server.release()')],
        { uid: nobody, gid: nobody, cwd: '/' },
      )
      expect(result.stdout).toBe('ready')
      expect(existsSync(pidFile())).toBe(false)
    },
  )
})

/** A program that joins the server, says so, and goes on with `then`. */
function holder(then: string): string {
  return `import { joinEmbeddedServer } from ${JSON.stringify(pathToFileURL(built).href)}
    const server = await joinEmbeddedServer({ home: ${JSON.stringify(home)}, settings: ${JSON.stringify(SETTINGS)} })
    console.log('ready')
    ${then}`
}
