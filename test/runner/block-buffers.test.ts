import { expect, test } from 'vitest'
import { BlockBuffers } from '../../src/runner/block-buffers.js'

test('what was given back is taken again, by arrays of any kind that fill half of it or more', () => {
  const buffers = new BlockBuffers()
  const first = buffers.take(Int16Array, 1000)
  expect(first.buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(first).toHaveLength(1000)
  buffers.give(first, null)
  const bytes = buffers.take(Uint8Array, 1000)
  expect(bytes.buffer).toBe(first.buffer)
  expect(bytes).toHaveLength(1000)
  buffers.give(bytes)
  expect(buffers.take(Uint8Array, 999).buffer, 'less than half').not.toBe(first.buffer)
  expect(buffers.take(Uint8Array, 2001).buffer, 'too small').not.toBe(first.buffer)
})

test('nobody gets what somebody else still has', () => {
  const buffers = new BlockBuffers()
  const mine = buffers.take(Uint8Array, 64)
  expect(buffers.take(Uint8Array, 64).buffer).not.toBe(mine.buffer)
  buffers.give(mine)
  buffers.give(mine)
  const once = buffers.take(Uint8Array, 64)
  expect(once.buffer).toBe(mine.buffer)
  expect(buffers.take(Uint8Array, 64).buffer).not.toBe(mine.buffer)
})

test('the smallest that fits goes first, and what is on other memory is left to the collector', () => {
  const buffers = new BlockBuffers()
  const [large, small] = [buffers.take(Uint8Array, 150), buffers.take(Uint8Array, 100)]
  buffers.give(large, small, new Uint8Array(90))
  expect(buffers.take(Uint8Array, 90).buffer).toBe(small.buffer)
  expect(buffers.take(Uint8Array, 90).buffer).toBe(large.buffer)
})
