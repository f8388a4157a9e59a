import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { AuthConfig } from '../config.js'
import type { Credentials } from '../credentials.js'

/** How a token is asked for: a form posted to an address; resolves with the parsed answer. */
export type PostForm = (url: string, form: Readonly<Record<string, string>>) => Promise<unknown>

const tokenAnswer = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).optional(),
  /** Seconds. */
  expires_in: z.number().positive().optional(),
})

/** A token is renewed so long before it expires, ms: a request must not outlive it on its way. */
const EARLY_MS = 30_000

/**
 * The Authorization header of a source. A token by OAuth 2 (RFC 6749: refresh token, client credentials, or password) is got when it is
 * first needed, renewed shortly before it expires and when the service refuses it; of many requests at once one renews it for all.
 */
export class Authorizer {
  private credentials: Credentials | undefined
  private token: { header: string; expiresAt: number } | undefined
  private refreshToken: string | undefined
  private asking: Promise<string> | undefined

  constructor(
    private readonly source: string,
    private readonly auth: AuthConfig | undefined,
    /** Reads the credentials, each time anew: a file may have been replaced. */
    private readonly read: () => Promise<Credentials>,
    private readonly post: PostForm,
  ) {}

  /** Null where the source needs none. Throws SOURCE_CREDENTIALS, and what asking for a token throws. */
  async header(): Promise<string | null> {
    if (this.auth === undefined) return null
    if (this.token !== undefined && this.token.expiresAt - EARLY_MS > Date.now()) return this.token.header
    return this.ask()
  }

  /** After a 401 to `refused`: true where there is another header to try. */
  async renew(refused: string | null): Promise<boolean> {
    if (this.auth === undefined) return false
    if (this.token?.header === refused) {
      this.token = undefined
      this.credentials = undefined
    }
    return (await this.header()) !== refused
  }

  private ask(): Promise<string> {
    return (this.asking ??= this.obtain().finally(() => (this.asking = undefined)))
  }

  private async obtain(): Promise<string> {
    const { auth } = this
    const credentials = (this.credentials ??= await this.read())
    if (auth?.kind === 'oauth2') return this.obtainToken(auth, credentials)
    const header =
      auth?.kind === 'basic'
        ? `Basic ${Buffer.from(`${credentials['user'] ?? ''}:${credentials['password'] ?? ''}`).toString('base64')}`
        : `Bearer ${credentials['token'] ?? ''}`
    this.token = { header, expiresAt: Infinity }
    return header
  }

  private async obtainToken(
    auth: Extract<AuthConfig, { kind: 'oauth2' }>,
    credentials: Credentials,
  ): Promise<string> {
    const common = { client_id: auth.client_id, ...(auth.scope === undefined ? {} : { scope: auth.scope }) }
    const { user, password, client_secret: secret } = credentials
    const refresh = this.refreshToken ?? credentials['refresh_token']
    const grants: Readonly<Record<string, string>>[] = []
    if (refresh !== undefined) grants.push({ grant_type: 'refresh_token', refresh_token: refresh })
    if (secret !== undefined) grants.push({ grant_type: 'client_credentials', client_secret: secret })
    if (user !== undefined && password !== undefined)
      grants.push({ grant_type: 'password', username: user, password })
    // A refresh token expires too; what it was got with is asked again then.
    for (const [i, grant] of grants.entries()) {
      let answer: unknown
      try {
        answer = await this.post(auth.token_url, { ...common, ...grant })
      } catch (error) {
        const isLast = i === grants.length - 1
        if (isLast || !(error instanceof ProcessingError) || error.code !== 'SOURCE_REFUSED') throw error
        this.refreshToken = undefined
        continue
      }
      return this.keep(answer, auth.token_url)
    }
    throw new ProcessingError(
      'SOURCE_CREDENTIALS',
      `Source '${this.source}' has no credentials to ask for a token with.`,
    )
  }

  private keep(answer: unknown, url: string): string {
    const parsed = tokenAnswer.safeParse(answer)
    if (!parsed.success)
      throw new ProcessingError(
        'SOURCE_ANSWER_INVALID',
        `The answer of ${url} to source '${this.source}' holds no access_token; expected a token of OAuth 2.`,
      )
    const { access_token: token, refresh_token: refresh, expires_in: seconds } = parsed.data
    this.refreshToken = refresh ?? this.refreshToken
    const header = `Bearer ${token}`
    this.token = { header, expiresAt: seconds === undefined ? Infinity : Date.now() + seconds * 1000 }
    return header
  }
}
