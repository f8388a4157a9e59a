import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeLine, lineParser, toStepProcess, type ToStepProcess } from '../../src/runner/protocol.js'

const key = { id: fc.integer({ min: 1, max: 2 ** 40 }), attempt: fc.integer({ min: 1, max: 1000 }) }
const message: fc.Arbitrary<ToStepProcess> = fc.oneof(
  fc.record({ type: fc.constant('run' as const), ...key, threads: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ type: fc.constant('budget' as const), ...key, threads: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ type: fc.constant('cancel' as const), ...key }),
)

test('messages arrive whole and in order however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(message), fc.array(fc.nat(40)), (messages, cuts) => {
      const text = messages.map(encodeLine).join('')
      const got: ToStepProcess[] = []
      const parse = lineParser(
        toStepProcess,
        (m) => got.push(m),
        (line) => {
          throw new Error(line)
        },
      )
      let at = 0
      for (const cut of cuts) {
        parse(text.slice(at, at + cut))
        at += cut
      }
      parse(text.slice(at))
      expect(got).toEqual(messages)
    }),
  )
})

test('what a library prints to stdout is set aside and hurts no message around it', () => {
  const got: unknown[] = []
  const junk: string[] = []
  const parse = lineParser(
    toStepProcess,
    (m) => got.push(m),
    (line) => junk.push(line),
  )
  parse('Warning: hello\n{"type":"run","id":1}\n{"type":"cancel","id":1,"attempt":2}\nhalf')
  expect(got).toEqual([{ type: 'cancel', id: 1, attempt: 2 }])
  expect(junk).toEqual(['Warning: hello', '{"type":"run","id":1}'])
})
