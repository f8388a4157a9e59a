import type pg from 'pg'

/** What of a connection of `pg` COPY needs beyond its published types. */
interface CopyConnection {
  readonly stream: {
    pause(): unknown
    resume(): unknown
    readonly writableLength: number
    once(event: 'drain', then: () => void): unknown
  }
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
}

/** The answers of the server to one statement, as `pg` hands them to whatever is being executed. */
interface Statement extends pg.Submittable {
  handleCopyInResponse(connection: CopyConnection): void
  handleCopyData(message: { readonly chunk: Buffer }, connection: CopyConnection): void
  handleCommandComplete(message: { readonly text: string }): void
  handleReadyForQuery(): void
  handleError(error: Error, connection: CopyConnection): void
}

/** Bytes that may wait on either side before the other one is asked to stop. */
const HIGH_WATER = 4 * 2 ** 20
/** Rows come one message each; they are handed on in pieces of about this size. */
const PIECE = 64 * 1024

/** Runs `copy ... to stdout` and gives its bytes in pieces; returns the number of rows. The connection is its own meanwhile. */
export async function* copyOut(client: pg.ClientBase, text: string): AsyncGenerator<Buffer, number> {
  let waiting: Buffer[] = []
  let pieces: Buffer[] = []
  let pieceBytes = 0
  let bytes = 0
  let rows = 0
  let isDone = false
  let failure: Error | undefined
  let connection: CopyConnection | undefined
  let wake = (): void => undefined
  const cut = () => {
    if (pieces.length > 0) waiting.push(Buffer.concat(pieces))
    pieces = []
    pieceBytes = 0
  }
  const statement: Statement = {
    submit: (c) => {
      connection = asCopyConnection(c)
      connection.query(text)
    },
    handleCopyInResponse: (c) => {
      c.sendCopyFail('expected copy to stdout')
    },
    handleCopyData: ({ chunk }, c) => {
      // The parser writes the next message over this one.
      pieces.push(Buffer.from(chunk))
      bytes += chunk.length
      pieceBytes += chunk.length
      if (pieceBytes >= PIECE) {
        cut()
        wake()
      }
      if (bytes > HIGH_WATER) c.stream.pause()
    },
    handleCommandComplete: ({ text: tag }) => {
      rows = Number(/^COPY (\d+)$/.exec(tag)?.[1] ?? Number.NaN)
    },
    handleReadyForQuery: () => {
      cut()
      isDone = true
      wake()
    },
    handleError: (error) => {
      failure = error
      isDone = true
      wake()
    },
  }
  client.query(statement)
  for (;;) {
    const ready = waiting
    waiting = []
    for (const piece of ready) {
      bytes -= piece.length
      yield piece
    }
    if (waiting.length > 0) continue
    connection?.stream.resume()
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- set by the statement
    if (isDone) break
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  if (failure !== undefined) throw failure
  return rows
}

/**
 * Runs `copy ... from stdin` with the given bytes; returns the number of rows. Rejects with the error of the server, or, after the
 * server was told to drop what came, with that of `data`.
 */
export async function copyIn(
  client: pg.ClientBase,
  text: string,
  data: AsyncIterable<Buffer>,
): Promise<number> {
  let sourceError: unknown
  return new Promise<number>((resolve, reject) => {
    let rows = Number.NaN
    let isOver = false
    const send = async (c: CopyConnection): Promise<void> => {
      try {
        for await (const chunk of data) {
          // The server has refused a row already: the rest is of no use.
          if (isOver) return
          c.sendCopyFromChunk(chunk)
          if (c.stream.writableLength > HIGH_WATER)
            await new Promise<void>((drained) => c.stream.once('drain', drained))
        }
        c.endCopyFrom()
      } catch (error) {
        sourceError = error
        c.sendCopyFail('the data could not be read')
      }
    }
    const statement: Statement = {
      submit: (c) => {
        asCopyConnection(c).query(text)
      },
      handleCopyInResponse: (c) => {
        void send(c)
      },
      handleCopyData: () => undefined,
      handleCommandComplete: ({ text: tag }) => {
        rows = Number(/^COPY (\d+)$/.exec(tag)?.[1] ?? Number.NaN)
      },
      handleReadyForQuery: () => {
        isOver = true
        resolve(rows)
      },
      handleError: (error) => {
        isOver = true
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- handed on as it came
        reject(sourceError ?? error)
      },
    }
    client.query(statement)
  })
}

/** The methods for COPY exist in pg 8 (lib/connection.js), but not in its types. */
const asCopyConnection = (connection: unknown): CopyConnection => connection as CopyConnection
