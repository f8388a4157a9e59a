import { copyFile, mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { InputProduct } from './simulate-inputs.js'
import { filesBelow } from './stac-server.js'

/** How long the second part of a copy lets wait, real ms: longer than a product has to be quiet before it is read. */
const PAUSE_MS = 6000

/** Copies products into a watched folder when the clock of the season reaches their publication, file by file, as people do. */
export class Delivery {
  private readonly waiting: InputProduct[]
  private readonly second: { readonly product: InputProduct; readonly afterMs: number }[] = []

  /** @param products in the order of their publication; those that come by the folder are taken */
  constructor(
    products: readonly InputProduct[],
    /** Has a folder for each satellite. */
    private readonly folder: string,
  ) {
    this.waiting = products.filter(
      ({ path, pass }) => path !== null && (pass.via === 'folder' || pass.hitch === 'from both sources'),
    )
  }

  /** Nothing is left to be copied. */
  get isDone(): boolean {
    return this.waiting.length + this.second.length === 0
  }

  /** @param nowMs the clock of the season, ms since 1970 */
  async upTo(nowMs: number): Promise<void> {
    for (
      let next = this.waiting[0];
      next !== undefined && next.pass.publishedMs <= nowMs;
      next = this.waiting[0]
    ) {
      this.waiting.shift()
      const { fault, hitch } = next.pass
      if (hitch === 'copied in two parts')
        this.second.push({ product: next, afterMs: performance.now() + PAUSE_MS })
      await this.copy(next, fault === 'half-copied' || hitch === 'copied in two parts' ? 'half' : 'all')
    }
    const due = this.second.findIndex(({ afterMs }) => afterMs <= performance.now())
    const [rest] = due < 0 ? [] : this.second.splice(due, 1)
    if (rest !== undefined) await this.copy(rest.product, 'all')
  }

  private async copy({ path, pass }: InputProduct, what: 'half' | 'all'): Promise<void> {
    if (path === null) return
    const files = (await stat(path)).isDirectory() ? await filesBelow(path) : [path]
    for (const file of what === 'half' ? files.slice(0, files.length / 2) : files) {
      const target = join(this.folder, pass.satellite, basename(path), relative(path, file))
      await mkdir(dirname(target), { recursive: true })
      await copyFile(file, target)
    }
  }
}
