import { watch, type FSWatcher } from 'node:fs'

/**
 * Tells when something changes below folders, by inotify. Only a hint: where it cannot be had (too many watches, a network file system) or
 * misses something, the rescans find it.
 */
export class FolderWatch {
  private readonly watchers = new Map<string, FSWatcher>()
  private readonly changed = new Set<string>()
  /** Folders that cannot be watched, each said once. */
  private readonly failed = new Set<string>()

  constructor(private readonly warn: (message: string) => void) {}

  /** Watches exactly these folders from now on. */
  follow(paths: ReadonlySet<string>): void {
    for (const [path, watcher] of this.watchers)
      if (!paths.has(path)) {
        watcher.close()
        this.watchers.delete(path)
      }
    for (const path of paths) if (!this.watchers.has(path)) this.start(path)
  }

  /** Whether something was seen since the last call. */
  take(path: string): boolean {
    return this.changed.delete(path)
  }

  close(): void {
    this.follow(new Set())
  }

  private start(path: string): void {
    try {
      const watcher = watch(path, { recursive: true, persistent: false }, () => this.changed.add(path))
      watcher.on('error', (error) => {
        watcher.close()
        this.watchers.delete(path)
        this.fail(path, error)
      })
      this.watchers.set(path, watcher)
      this.failed.delete(path)
      // What came before the watch began.
      this.changed.add(path)
    } catch (error) {
      this.fail(path, error)
    }
  }

  private fail(path: string, error: unknown): void {
    if (this.failed.has(path)) return
    this.failed.add(path)
    this.warn(
      `${path} cannot be watched (${error instanceof Error ? error.message : String(error)}): it is looked through every sources.rescan_s`,
    )
  }
}
