import { lstat, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { resolveSetting } from '../../config/resolve-settings.js'
import type { Config } from '../../config/config.js'
import type { Database } from '../../db/connect.js'
import {
  forgetFormerRevision,
  listFormerRevisions,
  type FormerRevision,
} from '../../db/retention/former-revisions.js'
import { listRetentionRules, readRetentionContext } from '../../db/retention/rules.js'
import {
  deleteUnlessTaken,
  listAcquisitionSubjects,
  listProductSubjects,
  markAcquisitionRemoved,
  markProductRemoved,
  relocateProduct,
  type RetentionSubject,
} from '../../db/retention/subjects.js'
import { withSessionLock } from '../../db/with-session-lock.js'
import { asProcessingError, ProcessingError, type ErrorCode } from '../../domain/errors.js'
import { readSettingLayers } from '../settings.js'
import { provenRoots } from '../storage-roots.js'
import { copyFolder } from './copy-folder.js'
import { describeRule, RetentionPolicy, type Verdict } from './decide.js'
import { ACQUISITION_LEVELS } from './rules.js'

/** One thing done, or with a dry run: that would be done. */
export interface RetentionAction {
  /** `revision`: the folder of an older revision, or one that a run before this one left. */
  readonly what: 'product' | 'acquisition' | 'revision'
  readonly action: 'delete' | 'archive'
  readonly name: string
  readonly location: string
  /** Where it is archived to. */
  readonly to: string | null
  /** Null where its size is not known. */
  readonly bytes: number | null
  /** The rule in words, or why else. */
  readonly because: string
}

export interface RetentionReport {
  readonly done: number
  /** Bytes of what was done, as far as they are known. */
  readonly bytes: number
  /** Due by a rule, but something needs it. */
  readonly needed: readonly { readonly name: string; readonly neededBy: string }[]
  readonly failed: readonly { readonly name: string; readonly code: ErrorCode; readonly message: string }[]
}

export interface RetentionOptions {
  /** Changes nothing. */
  readonly dryRun: boolean
  /** Called for each thing before it is done. */
  readonly onAction?: (action: RetentionAction) => void
  /** Ends the run after the thing at hand. */
  readonly signal?: AbortSignal
}

const PAGE = 500
/** More of a kind would tell nobody more than these. */
const MOST_TOLD = 1000

/**
 * Removes or archives what the rules say is due, on the host that has the roots. It may die after any line: a product's row points at a
 * complete folder or says that it is removed, and the next run finishes what was begun. One run at a time in the whole database;
 * undefined while another one is at work. What cannot be done is reported and the rest goes on.
 * Throws CONFLICT where a storage root is not what it was registered as.
 */
export async function runRetention(
  app: { readonly db: Database; readonly config: Config },
  options: RetentionOptions,
): Promise<RetentionReport | undefined> {
  return withSessionLock(app.db, 'tilth retention', async () => {
    const roots = await provenRoots(app.db, app.config)
    const policy = new RetentionPolicy(await listRetentionRules(app.db), await readRetentionContext(app.db))
    const settings = (await readSettingLayers(app.db))(null)
    const graceS = resolveSetting('storage.sweep_grace_s', settings).value
    return new Run(app.db, roots, policy, graceS, options).all()
  })
}

class Run {
  private done = 0
  private bytes = 0
  private readonly needed: { name: string; neededBy: string }[] = []
  private readonly failed: { name: string; code: ErrorCode; message: string }[] = []

  constructor(
    private readonly db: Database,
    private readonly roots: Readonly<Partial<Record<string, string>>>,
    private readonly policy: RetentionPolicy,
    private readonly graceS: number,
    private readonly options: RetentionOptions,
  ) {}

  async all(): Promise<RetentionReport> {
    await this.formerRevisions()
    await this.subjects(listProductSubjects)
    if (ACQUISITION_LEVELS.some((level) => this.policy.concerns(level)))
      await this.subjects(listAcquisitionSubjects)
    return { done: this.done, bytes: this.bytes, needed: this.needed, failed: this.failed }
  }

  /** Folders that runs before this one did not get to, and revisions beyond those that are kept. */
  private async formerRevisions(): Promise<void> {
    for (let after = ''; !this.isStopped();) {
      const page = await listFormerRevisions(this.db, { after, limit: PAGE })
      for (const former of page) {
        const because = this.whyGone(former)
        if (because === null || this.isStopped()) continue
        await this.attempt(
          {
            what: 'revision',
            action: 'delete',
            name: former.product ?? former.location,
            location: former.location,
            to: null,
            bytes: former.bytes,
            because,
          },
          () => this.removeFolder(former.location),
        )
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      after = last.location
    }
  }

  private whyGone({ reason, level, processor, siteIds, place, ageS }: FormerRevision): string | null {
    if (reason === 'removed') return 'its product or acquisition was removed'
    if (reason === 'moved') return 'its product lies elsewhere now'
    if (ageS < this.graceS) return null
    const kept = level === null ? 1 : this.policy.revisionsKept({ level, processor, siteIds })
    return place > kept ? `revision ${place} of its product, ${kept} are kept` : null
  }

  private async subjects(list: typeof listProductSubjects): Promise<void> {
    const sensedBefore = this.policy.sensedBefore()
    for (let after = 0; !this.isStopped();) {
      const page = await list(this.db, { after, limit: PAGE, sensedBefore })
      for (const subject of page) {
        const verdict = this.policy.verdict(subject)
        if (verdict !== null && !this.isStopped()) await this.subject(subject, verdict)
      }
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      after = last.id
    }
  }

  private async subject(subject: RetentionSubject, { action, rule }: Verdict): Promise<void> {
    const colon = subject.location.indexOf(':')
    if (action === 'archive' && subject.location.slice(0, colon) === 'cold') return
    const { kind, name, location, bytes, neededBy } = subject
    // A copy of a product serves whoever needs it: it is found by its row. A step that runs has read its row already.
    if (neededBy !== null) {
      if (this.needed.length < MOST_TOLD) this.needed.push({ name, neededBy })
      return
    }
    const because = describeRule(rule)
    const to = action === 'archive' ? `cold:${location.slice(colon + 1)}` : null
    await this.attempt({ what: kind, action, name, location, to, bytes, because }, async () => {
      if (to !== null) return this.archive(subject, to)
      if (kind === 'product') {
        if (!(await markProductRemoved(this.db, subject, because))) return false
        return this.removeFolder(location)
      }
      const unit = await this.unitOf(location)
      const marked = await markAcquisitionRemoved(this.db, subject, unit, because)
      return marked === 'alone' ? this.removeFolder(unit) : marked === 'shared'
    })
  }

  private async archive(subject: RetentionSubject, to: string): Promise<boolean> {
    const cold = this.roots['cold']
    if (cold === undefined)
      throw new ProcessingError(
        'NOT_FOUND',
        'This host has no root `cold` to archive to. Register one: tilth db root cold PATH',
      )
    await copyFolder(
      this.path(subject.location),
      this.path(to),
      join(cold, '.staging', `product-${subject.id}`),
    )
    // Made again meanwhile: the copy is of an older revision, and its folder is the sweeper's.
    if (!(await relocateProduct(this.db, subject, to))) return false
    return this.removeFolder(subject.location)
  }

  /** The row that says so is written: what is left after a crash is found by it. */
  private async removeFolder(location: string): Promise<boolean> {
    const path = this.path(location)
    // A link goes, not what it leads to.
    const remove = () => rm(path, { recursive: true, force: true })
    if (location.startsWith('l1:')) return deleteUnlessTaken(this.db, location, remove)
    await remove()
    // The folder of the product, if this was its last revision; one with something in it stays.
    if (/\/r\d+-\d+$/.test(location)) await rmdir(dirname(path)).catch(() => undefined)
    await forgetFormerRevision(this.db, location)
    return true
  }

  /** What is deleted with an acquisition: its folder, or the link by which the way to it leaves the root. */
  private async unitOf(location: string): Promise<string> {
    const parts = location.split('/')
    for (let n = 1; n <= parts.length; n++) {
      const part = parts.slice(0, n).join('/')
      if ((await lstat(this.path(part)).catch(() => undefined))?.isSymbolicLink() === true) return part
    }
    return location
  }

  /** Absolute. Throws NOT_FOUND for a root that this host lacks, INTERNAL for a path that is a root or leaves it. */
  private path(location: string): string {
    const colon = location.indexOf(':')
    const root = this.roots[location.slice(0, colon)]
    const inside = location.slice(colon + 1)
    if (root === undefined)
      throw new ProcessingError(
        'NOT_FOUND',
        `This host has no root for ${location}. Run retention where it is mounted.`,
      )
    if (inside === '' || inside.split('/').some((part) => part === '' || part === '.' || part === '..'))
      throw new ProcessingError('INTERNAL', `'${location}' is no path below a storage root.`)
    return join(root, inside)
  }

  private async attempt(action: RetentionAction, work: () => Promise<boolean>): Promise<void> {
    this.options.onAction?.(action)
    try {
      if (!this.options.dryRun && !(await work())) return
    } catch (cause) {
      const { code, message } = asProcessingError(cause)
      if (code === 'DATABASE_UNAVAILABLE' || this.failed.length >= MOST_TOLD) throw cause
      this.failed.push({ name: action.name, code, message })
      return
    }
    this.done += 1
    this.bytes += action.bytes ?? 0
  }

  private isStopped(): boolean {
    return this.options.signal?.aborted === true
  }
}
