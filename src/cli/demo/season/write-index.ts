import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { renderSummary } from '../../../products/html-summary.js'
import { formatSeconds } from '../../queue-options.js'
import { digestOfLevel } from './digests.js'
import type { SeasonResult } from './run-season.js'
import { FAULTS, type Scenario } from './scenario.js'
import { killedText, LEVELS, remadeText, stagesOf } from './season-table.js'

/** Writes `index.html`: links to the calendars of all sites, digests, counts, time and memory by stage. */
export async function writeIndex(home: string, scenario: Scenario, result: SeasonResult): Promise<void> {
  const { rounds, faults, seconds, index } = result
  const { passes, season, sites } = scenario
  const clear = passes.filter(({ listedCloud }) => listedCloud === null)
  const html = renderSummary({
    title: 'Tilth: a season in fast time',
    lead:
      `${sites.length} sites from ${season.start} to ${season.end} with a clock that runs as fast as the work allows: simulated acquisitions arrive ` +
      'out of order through a watched folder and a STAC server, some broken, some months late; sources, schedules and the queue do the rest by themselves.',
    facts: [
      ['Result', faults.length === 0 ? 'all holds' : `${faults.length} things are wrong`],
      ['Acquisitions', String(clear.length)],
      ['Broken', String(clear.filter(({ fault }) => fault !== null).length)],
      ['Late', String(clear.filter(({ isLate }) => isLate).length)],
      ['Too cloudy, only listed', String(passes.length - clear.length)],
      ['Wall time', formatSeconds(seconds)],
    ],
    products: rounds.flatMap(({ name, pages }) =>
      pages.map(({ site, path, picture }) => ({
        name: `Season of ${site}`,
        caption: `calendar, round ${name}`,
        folder: relative(home, path),
        ...(picture === null ? {} : { quicklook: relative(home, picture) }),
      })),
    ),
    tables: [
      ...(faults.length === 0
        ? []
        : [{ title: 'What is wrong', columns: [{ label: 'Fault' }], rows: faults.map((fault) => [fault]) }]),
      {
        title: 'Pixels',
        note: 'SHA-256 over the rasters of all products of a level; the same in all rounds.',
        columns: [
          { label: 'Round' },
          { label: 'Level' },
          { label: 'Products', digits: 0 },
          { label: 'SHA-256' },
        ],
        rows: rounds.flatMap(({ name, digests }) =>
          LEVELS.map(([level, what]) => {
            const { count, sha256 } = digestOfLevel(digests, level)
            return [name, `${level}, ${what}`, count, sha256]
          }),
        ),
      },
      {
        title: 'Rounds',
        note: 'Made again: because inputs had changed. Lost attempts: ended by a kill, and made good by a later one.',
        columns: [
          { label: 'Round' },
          { label: 'Time', unit: 's', digits: 0 },
          { label: 'Killed with -9' },
          { label: 'Made again' },
          { label: 'Lost attempts', digits: 0 },
          { label: 'Gaps, all explained', digits: 0 },
        ],
        rows: rounds.map((round) => [
          round.name,
          round.seconds,
          killedText(round),
          remadeText(round.counts.remade),
          round.counts.lostAttempts,
          round.counts.explained,
        ]),
      },
      {
        title: 'Time and memory by stage',
        note: 'Wall time of processors: the sum over steps, which run side by side. Memory: the peak of one process, of a step of all its processes.',
        columns: [
          { label: 'Stage' },
          { label: 'Count', digits: 0 },
          { label: 'Wall', unit: 's', digits: 1 },
          { label: 'CPU', unit: 's', digits: 1 },
          { label: 'Peak', unit: 'MB', digits: 0 },
        ],
        rows: stagesOf(result).map(({ stage, count, wallS, cpuS, peakMb }) => [
          stage,
          count,
          wallS,
          cpuS,
          peakMb,
        ]),
      },
      {
        title: 'What went wrong on purpose',
        columns: [{ label: 'Tile' }, { label: 'Day' }, { label: 'Came by' }, { label: 'What' }],
        rows: clear.flatMap(({ tile, date, via, fault, hitch, isLate }) =>
          fault === null && hitch === null && !isLate
            ? []
            : [
                [
                  tile,
                  date,
                  via,
                  fault === null ? (hitch ?? 'late') : `${fault}: ${FAULTS[fault].codes.join(' or ')}`,
                ],
              ],
        ),
      },
    ],
    footer:
      'Each round has a folder beside this page with its database, logs, products and the settings and sites it was given.',
  })
  await writeFile(index, html)
}
