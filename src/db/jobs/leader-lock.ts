import pg from 'pg'

export interface LeaderLock {
  /** Asks the server whether the connection, and with it the lock, is still there; false after `timeoutMs` without an answer. */
  isHeld(timeoutMs: number): Promise<boolean>
  release(): Promise<void>
}

/**
 * Takes the lock that one session of the database may hold, or undefined while another holds it. Whoever loses the connection has
 * lost the lock: `onLost` is called once then. A host that vanishes without a word is noticed by the server's keep-alive within some 10 s.
 * Rejects where the database cannot be reached.
 */
export async function tryLeaderLock(url: string, onLost: () => void): Promise<LeaderLock | undefined> {
  const client = new pg.Client({
    connectionString: url,
    application_name: `tilth leader ${process.pid}`,
    keepAlive: true,
    connectionTimeoutMillis: 5000,
  })
  let isOver = false
  const lose = () => {
    if (isOver) return
    isOver = true
    onLost()
  }
  client.on('error', lose)
  client.on('end', lose)
  const end = async () => {
    isOver = true
    await client.end().catch(() => undefined)
  }
  try {
    await client.connect()
    // On a socket of this machine they have no meaning, and the server takes them as 0.
    await client.query(
      'set tcp_keepalives_idle = 4; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3',
    )
    const { rows } = await client.query<{ got: boolean }>(
      "select pg_try_advisory_lock(hashtext('tilth leader')) as got",
    )
    if (rows[0]?.got !== true) {
      await end()
      return undefined
    }
  } catch (error) {
    await end()
    throw error
  }
  return {
    isHeld: async (timeoutMs) => {
      if (isOver) return false
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => {
          resolve(false)
        }, timeoutMs)
      })
      const asked = client.query('select 1').then(
        () => true,
        () => false,
      )
      const answer = await Promise.race([asked, late])
      clearTimeout(timer)
      return answer
    },
    release: end,
  }
}
