/**
 * Shows something once, or with `watch` again every `intervalS` seconds until Ctrl-C or SIGTERM. On a terminal it is drawn over the
 * look before, elsewhere appended.
 */
export async function showOrWatch(
  look: () => Promise<string>,
  { watch, intervalS, redraw }: { watch: boolean; intervalS: number; redraw: boolean },
): Promise<void> {
  if (!watch) {
    process.stdout.write(await look())
    return
  }
  let stop = (): void => undefined
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const isTerminal = process.stdout.isTTY && redraw
  if (isTerminal) process.stdout.write('\x1b[2J')
  const intervalMs = intervalS * 1000
  for (let isStopped = false; !isStopped;) {
    const text = await look()
    // Home, text, clear below: less flicker than clearing first.
    process.stdout.write(isTerminal ? `\x1b[H${text.replaceAll('\n', '\x1b[K\n')}\x1b[J` : text)
    isStopped = await Promise.race([
      stopped.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(resolve, intervalMs, false)),
    ])
  }
}
