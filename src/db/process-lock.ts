import { createConnection, createServer, type Server } from 'node:net'
import { once } from 'node:events'

/**
 * Runs `work` while no other process of this machine (network namespace) holds the lock `name`; waits its turn.
 * The lock is an abstract Unix socket of Linux: binding is atomic, and the kernel frees the name when its holder dies,
 * kill -9 included, so there is no stale lock file to tell from a living one. Waiters wake when the holder's socket closes.
 */
export async function withProcessLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const server = await acquire(`\0tilth-${name}`)
  try {
    return await work()
  } finally {
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
    })
  }
}

async function acquire(path: string): Promise<Server> {
  for (;;) {
    const server = await tryBind(path)
    if (server !== null) return server
    await holderGone(path)
  }
}

async function tryBind(path: string): Promise<Server | null> {
  const waiting = new Set<{ destroy: () => void }>()
  const server = createServer((socket) => {
    waiting.add(socket)
    socket.on('error', () => undefined).on('close', () => waiting.delete(socket))
  })
  const close = server.close.bind(server)
  // Letting go also hangs up on the waiters: that is their signal.
  server.close = (callback) => {
    for (const socket of waiting) socket.destroy()
    return close(callback)
  }
  try {
    server.listen({ path, exclusive: true })
    await once(server, 'listening')
    return server
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return null
    throw error
  }
}

async function holderGone(path: string): Promise<void> {
  const socket = createConnection(path)
  socket.resume()
  await new Promise<void>((resolve) => {
    socket.once('error', () => {
      resolve()
    })
    socket.once('close', () => {
      resolve()
    })
  })
}
