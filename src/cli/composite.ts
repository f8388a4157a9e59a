import { InvalidArgumentError, type Command } from 'commander'
import { isCalendarDay } from '../domain/calendar-day.js'
import { runFileForm, withFileFormOptions, type FileFormOptions } from './file-form.js'
import { numberIn, wholeNumberIn } from './numbers.js'

interface Options extends FileFormOptions {
  readonly date: string
  readonly half?: number
  readonly weightDateMin?: number
}

export function register(program: Command): void {
  const command = program
    .command('composite')
    .description(
      'weighted mean of the L2A products of one tile and satellite family around a day; needs no database',
    )
    .argument(
      '<l2a...>',
      'folders of L2A products, in any order; those outside the window are left out with a note',
    )
    .requiredOption('--date <day>', 'synthesis day YYYY-MM-DD; stands for its noon, UTC', (text) => {
      if (!isCalendarDay(text))
        throw new InvalidArgumentError(`expected an existing day YYYY-MM-DD, found '${text}'`)
      return text
    })
    .option(
      '--half <days>',
      'half of the window, 1..183 days before and after (default: 25)',
      wholeNumberIn(1, 183),
    )
    .option(
      '--weight-date-min <value>',
      'weight at the edge of the window, 0.01..1; 1 in its middle (default: 0.5)',
      numberIn(0.01, 1),
    )
  withFileFormOptions(command, 1024).action(async (inputs: string[], options: Options) => {
    const { compositeToFolder } = await import('../runner/composite/composite-to-folder.js')
    const { date: day, half, weightDateMin } = options
    const parameters = {
      ...(half === undefined ? {} : { half_days: half }),
      ...(weightDateMin === undefined ? {} : { weight_date_min: weightDateMin }),
    }
    await runFileForm(options, (common) => compositeToFolder({ ...common, inputs, day, parameters }))
  })
}
