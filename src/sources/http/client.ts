import type { ErrorCode, ProcessingError } from '../../domain/errors.js'
import { Authorizer } from './authorizer.js'
import { retryAfterSeconds, ServiceError, withBackOff } from './back-off.js'
import { checkAddress, type HostRules } from './hosts.js'
import type { AuthConfig } from '../config.js'
import type { Credentials } from '../credentials.js'
import type { Pace } from './pace.js'

export interface ClientOptions {
  readonly source: string
  readonly rules: HostRules
  readonly auth: AuthConfig | undefined
  readonly readCredentials: () => Promise<Credentials>
  readonly ratePerS: number
  /** Of all clients that ask the same source. */
  readonly pace: Pace
  /** Of one request, before it fails. */
  readonly tries: number
  readonly backOffS: number
  /** A connection that brings nothing for so long is cut, seconds. */
  readonly stallS: number
  readonly userAgent: string
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** What a 404 or 410 is. */
  readonly missing?: ErrorCode
  /** Statuses handed back beside 2xx. */
  readonly allow?: readonly number[]
}

/** An answer whose body has not been read. Read `chunks` to its end or call `cancel`. */
export interface Answer {
  readonly status: number
  readonly url: string
  readonly headers: Headers
  /** Throws DOWNLOAD_TRUNCATED where the body ends early or stalls. */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>
  cancel(): Promise<void>
}

const MOST_REDIRECTS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** What a page of results or a token may have. */
const JSON_BYTES = 64 * 2 ** 20

/**
 * HTTP as the sources use it: only to configured hosts, credentials only to trusted ones, a bounded rate, growing pauses after failures that
 * may pass, Retry-After, one renewal of the token for each request that is refused, and no connection that hangs for ever.
 */
export class HttpClient {
  private readonly authorizer: Authorizer

  constructor(private readonly options: ClientOptions) {
    const { source, auth, readCredentials } = options
    this.authorizer = new Authorizer(source, auth, readCredentials, (url, form) => this.postForm(url, form))
  }

  /** Waits for the turn of a request to this source that another client makes, so that it keeps the rate together with ours. */
  turn(signal: AbortSignal): Promise<void> {
    return this.options.pace.turn(this.options.ratePerS, signal)
  }

  /** Such a request was told that the service is busy: the others wait as well. */
  hold(): void {
    this.options.pace.hold(this.options.backOffS)
  }

  /** Tries a request until it is answered or has failed for good. */
  async request(address: string, options: RequestOptions): Promise<Answer> {
    return this.retrying(options.signal, () => this.once(address, options))
  }

  /** Runs work with the pauses of this client; for what is more than one request. */
  retrying<T>(signal: AbortSignal, work: (attempt: number) => Promise<T>): Promise<T> {
    return withBackOff({ tries: this.options.tries, firstS: this.options.backOffS, signal }, work)
  }

  /** The JSON value of an answer. Throws SOURCE_ANSWER_INVALID. */
  async json(address: string, options: RequestOptions): Promise<unknown> {
    return this.retrying(options.signal, async () => {
      const answer = await this.once(address, {
        ...options,
        headers: { accept: 'application/geo+json, application/json', ...options.headers },
      })
      return this.parse(answer)
    })
  }

  /** One try of a request, redirects and one renewal of the token included. */
  async once(address: string, options: RequestOptions): Promise<Answer> {
    const { signal } = options
    let url = this.url(address)
    let from: URL | null = null
    let { method = 'GET', body } = options
    let isRenewed = false
    for (let redirects = 0; ;) {
      const { isTrusted } = checkAddress(this.options.source, url, this.options.rules, from)
      const authorization = isTrusted ? await this.authorizer.header() : null
      // Headers that the service asked for are its own matter, as its credentials are.
      const headers = { ...(isTrusted || from === null ? options.headers : plainOf(options.headers)) }
      const answer = await this.send(url, {
        method,
        signal,
        headers: authorization === null ? headers : { ...headers, authorization },
        ...(body === undefined ? {} : { body }),
      })
      const { status } = answer
      if (REDIRECTS.has(status)) {
        const location = answer.headers.get('location')
        await answer.cancel()
        if (location === null || !URL.canParse(location, url.href) || ++redirects > MOST_REDIRECTS)
          throw new ServiceError(
            'SOURCE_ANSWER_INVALID',
            `${describe(url)} redirects ${location === null ? 'to nowhere' : 'again and again'}; expected an answer after at most ${MOST_REDIRECTS} redirects.`,
            { isRetried: false },
          )
        from = url
        url = new URL(location, url)
        // RFC 9110, section 15.4: what is found elsewhere is asked for with GET; 307 and 308 keep the method.
        if (status < 307) [method, body] = ['GET', undefined]
        continue
      }
      if (status === 401 && authorization !== null && !isRenewed) {
        await answer.cancel()
        isRenewed = true
        if (await this.authorizer.renew(authorization)) continue
        throw refusal(url, status, '')
      }
      if (status < 300 || (options.allow?.includes(status) ?? false)) return answer
      throw await this.failure(url, answer, options, authorization === null ? [] : [authorization])
    }
  }

  private url(address: string): URL {
    if (URL.canParse(address)) return new URL(address)
    throw new ServiceError(
      'SOURCE_ANSWER_INVALID',
      `Source '${this.options.source}' names '${address.slice(0, 200)}', which is no address.`,
      { isRetried: false },
    )
  }

  private async send(
    url: URL,
    init: { method: string; headers: Record<string, string>; body?: string; signal: AbortSignal },
  ): Promise<Answer> {
    const { pace, ratePerS, stallS, userAgent } = this.options
    await pace.turn(ratePerS, init.signal)
    const silent = new AbortController()
    let timer: NodeJS.Timeout | undefined
    const watch = () => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        silent.abort()
      }, stallS * 1000)
    }
    watch()
    let response: Response
    try {
      response = await fetch(url, {
        ...init,
        headers: { 'user-agent': userAgent, ...init.headers },
        redirect: 'manual',
        signal: AbortSignal.any([init.signal, silent.signal]),
      })
    } catch (cause) {
      init.signal.throwIfAborted()
      const why = silent.signal.aborted
        ? `did not answer within ${stallS} s`
        : `cannot be reached: ${reasonOf(cause)}`
      throw new ServiceError('SOURCE_UNREACHABLE', `${describe(url)} ${why}.`, { cause })
    } finally {
      clearTimeout(timer)
    }
    const body = response.body
    return {
      status: response.status,
      url: url.href,
      headers: response.headers,
      async *chunks() {
        if (body === null) return
        const reader = (body as ReadableStream<Uint8Array>).getReader()
        try {
          for (;;) {
            watch()
            const { done, value } = await reader.read()
            clearTimeout(timer)
            if (done) return
            yield value
          }
        } catch (cause) {
          init.signal.throwIfAborted()
          const why = silent.signal.aborted ? `nothing came for ${stallS} s` : reasonOf(cause)
          throw new ServiceError(
            'DOWNLOAD_TRUNCATED',
            `The answer of ${describe(url)} ended early: ${why}.`,
            { cause },
          )
        } finally {
          clearTimeout(timer)
          await reader.cancel().catch(() => undefined)
        }
      },
      cancel: async () => {
        await body?.cancel().catch(() => undefined)
      },
    }
  }

  /** `secrets`: what was sent and must not come back in a message. */
  private async failure(
    url: URL,
    answer: Answer,
    { missing = 'ASSET_MISSING' }: RequestOptions,
    secrets: readonly string[],
  ): Promise<ProcessingError> {
    const { status } = answer
    const retryAfterS = retryAfterSeconds(answer.headers.get('retry-after'), new Date())
    const isBusy = status === 429 || status === 503
    // What is too much for one request is so for those beside it.
    if (isBusy) this.options.pace.hold(retryAfterS ?? this.options.backOffS)
    const text = await excerpt(answer, secrets)
    const said = text === '' ? '' : `: ${text}`
    if (isBusy)
      return new ServiceError(
        'SOURCE_BUSY',
        `${describe(url)} answered with status ${status}${retryAfterS === null ? '' : ` and asks to wait ${Math.ceil(retryAfterS)} s`}${said}.`,
        { retryAfterS },
      )
    if (status >= 500 || status === 408)
      return new ServiceError(
        'SOURCE_UNREACHABLE',
        `${describe(url)} answered with status ${status}${said}.`,
        { retryAfterS },
      )
    if (status === 401 || status === 403) return refusal(url, status, said)
    if (status === 404 || status === 410)
      return new ServiceError(missing, `${describe(url)} is not there (status ${status})${said}.`, {
        isRetried: false,
      })
    return new ServiceError(
      'SOURCE_ANSWER_INVALID',
      `${describe(url)} answered with status ${status}, expected 200${said}.`,
      { isRetried: false },
    )
  }

  private async parse(answer: Answer): Promise<unknown> {
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of answer.chunks()) {
      bytes += chunk.length
      if (bytes > JSON_BYTES)
        throw new ServiceError(
          'SOURCE_ANSWER_INVALID',
          `The answer of ${describe(new URL(answer.url))} has more than ${JSON_BYTES / 2 ** 20} MiB; expected a page of results. Lower page_size.`,
          { isRetried: false },
        )
      parts.push(chunk)
    }
    const text = Buffer.concat(parts).toString('utf8')
    try {
      return JSON.parse(text) as unknown
    } catch (cause) {
      throw new ServiceError(
        'SOURCE_ANSWER_INVALID',
        `The answer of ${describe(new URL(answer.url))} is no JSON; it begins with '${text.slice(0, 80)}'.`,
        { cause },
      )
    }
  }

  /** To the address of tokens, which the configuration names; it gets no Authorization header. */
  private async postForm(address: string, form: Readonly<Record<string, string>>): Promise<unknown> {
    const url = new URL(address)
    const answer = await this.send(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams(form).toString(),
      signal: new AbortController().signal,
    })
    if (answer.status < 300) return this.parse(answer)
    if (answer.status === 400) {
      await answer.cancel()
      // RFC 6749, section 5.2: a wrong password or an expired refresh token is a bad request. Its text may quote them.
      throw refusal(url, 400, '')
    }
    const asked = { signal: new AbortController().signal, missing: 'SOURCE_ANSWER_INVALID' } as const
    throw await this.failure(url, answer, asked, Object.values(form))
  }
}

const refusal = (url: URL, status: number, said: string): ServiceError =>
  new ServiceError('SOURCE_REFUSED', `${describe(url)} refused the request with status ${status}${said}.`, {
    isRetried: false,
  })

/** Without the query: it may hold a signature. */
const describe = (url: URL): string => `${url.origin}${url.pathname}`

/** The lowest cause: fetch itself says only that it failed. */
function reasonOf(error: unknown): string {
  for (let at = error; ;) {
    if (!(error instanceof Error)) return String(error)
    if (!(at instanceof Error) || at.cause === undefined) return at instanceof Error ? at.message : String(at)
    at = at.cause
  }
}

/** Headers that tell nothing of who asks. */
function plainOf(headers: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const plain = new Set(['accept', 'accept-encoding', 'range', 'if-range', 'content-type'])
  return Object.fromEntries(Object.entries(headers).filter(([name]) => plain.has(name.toLowerCase())))
}

/** What an error page says, in one short line. */
async function excerpt(answer: Answer, secrets: readonly string[]): Promise<string> {
  let text = ''
  try {
    for await (const chunk of answer.chunks()) {
      text += Buffer.from(chunk).toString('utf8')
      if (text.length > 2000) break
    }
  } catch {
    // The status alone must do.
  }
  // Some services say again what they were told, headers and all.
  const hidden = secrets
    .flatMap((secret) => secret.split(' '))
    .flatMap((word) => [word, encodeURIComponent(word)])
    .filter((word) => word.length > 3 && !/^(Basic|Bearer)$/.test(word))
  return hidden
    .reduce((rest, word) => rest.replaceAll(word, '***'), text)
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
}
