/** What becomes of a key of Sen2Agri's table `config`. */
export type ConfigAnswer =
  /** The same thing is a setting here; `null`: the value says nothing. */
  | { readonly kind: 'setting'; readonly key: string; readonly value: string | null }
  /** It is done otherwise; in words, with the command. */
  | { readonly kind: 'otherwise'; readonly text: string }
  /** Nothing here depends on it. */
  | { readonly kind: 'none' }

const LATER = 'the processor is not there yet'

const whole = (value: string): string | null => (/^\d+$/.test(value) && Number(value) > 0 ? value : null)

/** As it is written there, for a number within a range here. */
const within = (value: string, min: number, max: number): string | null =>
  /^\d*\.?\d+$/.test(value) && Number(value) >= min && Number(value) <= max ? value : null

/** Keys by pattern, the first that fits counts. Names: sen2agri-database of Sen2Agri 2.0.3, tables config and config_metadata. */
const ANSWERS: readonly (readonly [RegExp, (value: string, match: RegExpExecArray) => ConfigAnswer])[] = [
  [
    /^processor\.l2a\.optical\.num-workers$/,
    (value) => ({ kind: 'setting', key: 'processor.l2a.max_parallelism', value: whole(value) }),
  ],
  [
    /^processor\.l2a\.optical\.max-retries$/,
    (value) => ({ kind: 'setting', key: 'retry.max_failures', value: whole(value) }),
  ],
  [
    /^processor\.l2a\.optical\.retry-interval$/,
    () => ({
      kind: 'otherwise',
      text: 'failures are tried again with growing pauses (retry.backoff_s, retry.backoff_max_s), and never block their tile',
    }),
  ],
  [
    /^processor\.l2a\.s2\.implementation$/,
    (value) => ({
      kind: 'otherwise',
      text: `our own method corrects; \`tilth config set processor.l2a.engine ${/^(maja|sen2cor)$/.test(value) ? value : 'maja|sen2cor'}\` (--site) where the machines have that program, which takes Sentinel-2 alone: docs/external.md`,
    }),
  ],
  [
    // Days before and after the synthesis there, too.
    /^processor\.l3a\.half_synthesis$/,
    (value) => ({ kind: 'setting', key: 'processor.composite.half_days', value: whole(value) }),
  ],
  [
    // The weight at the edge of the window there, too: 1 - |days| / half x (1 - this).
    /^processor\.l3a\.weight\.total\.weightdatemin$/,
    (value) => ({
      kind: 'setting',
      key: 'processor.composite.weight_date_min',
      value: within(value, 0.01, 1),
    }),
  ],
  [
    /^processor\.(l4a|l4b)\.(max-parallelism|tile-threads-hint)$/,
    (_, [, processor = '']) => ({
      kind: 'otherwise',
      text: `${LATER}; processor.${processor}.max_parallelism and processor.${processor}.tile_threads_hint will be settings`,
    }),
  ],
  [
    /^downloader\.max-cloud-coverage$/,
    () => ({ kind: 'otherwise', text: 'a filter of each source: `tilth sources add --help`' }),
  ],
  [
    /^downloader\.(start\.offset|.*\.query\.days\.back|.*\.forcestart)$/,
    () => ({
      kind: 'otherwise',
      text: 'not needed: each pass asks for the whole season, so what is published late is found',
    }),
  ],
  [
    /^downloader\./,
    () => ({ kind: 'otherwise', text: 'sources are rows of their own: `tilth sources add --help`' }),
  ],
  [
    /^archiver\.max_age\.(\w+)$/,
    (value, [, processor = '']) => ({
      kind: 'otherwise',
      text: `\`tilth retention set --processor ${processor} --keep-days ${whole(value) ?? 'N'} --then archive\``,
    }),
  ],
  [
    /^processor\.(l3a|l3b|l3e|l4a|l4b|s2a_l3c|s2a_l3d)\./,
    () => ({
      kind: 'otherwise',
      text: 'parameters of a processor here are `processor.<name>.*`, see `tilth config list`',
    }),
  ],
]

export function answerKey(key: string, value: string): ConfigAnswer {
  for (const [pattern, answer] of ANSWERS) {
    const match = pattern.exec(key)
    if (match !== null) return answer(value, match)
  }
  return { kind: 'none' }
}
