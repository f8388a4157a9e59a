import pg from 'pg'

/**
 * Listens on channels of Postgres until closed, and connects again, after 0.2 to 5 s, whenever the connection is lost.
 * What was notified meanwhile is lost: `onNotify` is called after each (re)connection too, with channel null.
 * LISTEN needs a connection of its own; a pool would hand it to others.
 */
export function listen(
  url: string,
  channels: readonly string[],
  onNotify: (channel: string | null, payload: string) => void,
): { close(): Promise<void> } {
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let delayMs = 200
  const again = () => {
    client?.removeAllListeners()
    // An 'error' event without a listener would end the process.
    client?.on('error', () => undefined)
    client = undefined
    if (isClosed || timer !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      void open()
    }, delayMs)
    delayMs = Math.min(5000, delayMs * 2)
  }
  const open = async (): Promise<void> => {
    const own = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 5000 })
    client = own
    own.on('error', again)
    own.on('end', again)
    own.on('notification', ({ channel, payload }) => {
      onNotify(channel, payload ?? '')
    })
    try {
      await own.connect()
      for (const channel of channels) await own.query(`listen ${pg.escapeIdentifier(channel)}`)
      delayMs = 200
      onNotify(null, '')
    } catch {
      await own.end().catch(() => undefined)
      again()
    }
  }
  void open()
  return {
    close: async () => {
      isClosed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}
