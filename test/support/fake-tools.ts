import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Programs that take the arguments of the real ones, check them, and behave or fail as the file `mode` beside them says. On success
 * they copy a product that was prepared for them. Sources of arguments and outputs: docs/external.md.
 */
const COMMON = `
mode=$(cat "$here/mode")
printf '%s\\n' "$@" >"$here/arguments"
env >"$here/environment"
case $mode in
  hang) sleep 987654 & sleep 987654 ;;
  flood) while :; do echo "TIFFReadDirectory: Warning, unknown field with tag 42113 encountered."; done ;;
  disk) head -c 8000000 /dev/zero >"$output/part.tif"; sleep 987654 ;;
  full) echo "OSError: [Errno 28] No space left on device" >&2; exit 1 ;;
  memory) exec python3 -c 'import time; b = bytearray(300 << 20); b[::4096] = b"x" * len(b[::4096]); time.sleep(60)' ;;
  bad_alloc) echo "terminate called after throwing an instance of 'std::bad_alloc'" >&2; kill -ABRT $$ ;;
  killed) kill -KILL $$ ;;
  segv) kill -SEGV $$ ;;
  status) echo "Traceback (most recent call last):"; echo "ValueError: cannot parse the metadata" >&2; exit 3 ;;
  nothing) exit 0 ;;
esac
`
const SEN2COR = `#!/bin/sh
here=$(dirname "$0")
for one in "$@"; do [ "$before" = --output_dir ] && output=$one; before=$one; done
${COMMON}
echo "Progress[%]:  0.00 : PID-4711, L2A_ProcessTile: processing with resolution 60 m, start"
cp -r "$here/product/." "$output/"
[ "$mode" = partial ] && find "$output" -name '*_B04_10m.jp2' -delete
[ "$mode" = stragglers ] && { sleep 987654 & }
echo "Progress[%]: 100.00 : Application terminated successfully."
`
const MAJA = `#!/bin/sh
here=$(dirname "$0")
for one in "$@"; do [ "$before" = --output ] && output=$one; [ "$before" = --input ] && input=$one; before=$one; done
${COMMON}
ls "$input" >"$here/inputs"
cp -r "$here/product/." "$output/"
[ "$mode" = partial ] && find "$output" -name '*_SRE_B4.tif' -delete
[ "$mode" = invalid ] && echo '<Processing_Flags_And_Modes><Key>Validity_Flag</Key><Value>L2NOTV</Value></Processing_Flags_And_Modes>' >"$output/SENTINEL2A_JPI_ALL.xml"
exit 0
`

export interface FakeTool {
  readonly executable: string
  /** Its product goes below this folder. */
  readonly product: string
  behave(mode: string): void
  arguments(): string[]
  environment(): string[]
  inputs(): string[]
}

export function fakeTool(folder: string, which: 'sen2cor' | 'maja'): FakeTool {
  const home = join(folder, `fake ${which}`)
  mkdirSync(join(home, 'product'), { recursive: true })
  const executable = join(home, which === 'sen2cor' ? 'L2A_Process' : 'maja')
  writeFileSync(executable, which === 'sen2cor' ? SEN2COR : MAJA)
  chmodSync(executable, 0o755)
  const lines = (name: string) => readFileSync(join(home, name), 'utf8').split('\n').filter(Boolean)
  return {
    executable,
    product: join(home, 'product'),
    behave: (mode) => {
      writeFileSync(join(home, 'mode'), mode)
    },
    arguments: () => lines('arguments'),
    environment: () => lines('environment'),
    inputs: () => lines('inputs'),
  }
}

/** Numbers of living processes whose command line holds a text. */
export function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false
    try {
      const state = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const isZombie = / Z /.test(state.slice(state.lastIndexOf(')')))
      return !isZombie && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
    } catch {
      return false
    }
  })
}
