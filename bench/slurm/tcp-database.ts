import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

/** A server on TCP in front of one that listens on a Unix socket: the embedded Postgres as nodes of a cluster would reach one. */
export interface TcpDatabase {
  readonly url: string
  readonly password: string
  close(): Promise<void>
}

/** `url` as `addressUrl` writes it. The password stands in the new URL although the server trusts everybody: tests look for it where it must not be. */
export async function overTcp(url: string): Promise<TcpDatabase> {
  const query = new URL(url.replace('@/', '@socket/')).searchParams
  const path = join(query.get('host') ?? '', `.s.PGSQL.${query.get('port') ?? '5432'}`)
  const open = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(path)
    for (const [a, b] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(a)
      a.on('error', () => b.destroy())
      a.on('close', () => {
        open.delete(a)
        b.destroy()
      })
      a.pipe(b)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const [, user = '', name = ''] = /^postgres:\/\/([^@]*)@\/([^?]*)/.exec(url) ?? []
  const password = 's3cret-of-the-queue'
  return {
    url: `postgres://${user}:${password}@127.0.0.1:${port}/${name}`,
    password,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        server.close(() => {
          resolve()
        })
      }),
  }
}
