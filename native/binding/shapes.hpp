#pragma once
// Sizes and places of what functions of the addon are given.
#include <cstddef>

#include "arguments.hpp"
#include "correct.hpp"
#include "halve.hpp"

namespace tilth::binding {

inline constexpr int kMaxSide = 1 << 20;

inline std::size_t area(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

inline PixelWindow window_of(const Arguments& args) {
  return {args.integer("x", 0, kMaxSide), args.integer("y", 0, kMaxSide), args.integer("width", 1, kMaxSide),
          args.integer("height", 1, kMaxSide)};
}

/// Elements that a plane of height rows, `stride` apart, spans.
inline std::size_t plane_size(int stride, int width, int height) { return area(stride, height - 1) + width; }

template <typename T>
Plane<T> plane_of(const Arguments& args) {
  const int width = args.integer("width", 1, kMaxSide), height = args.integer("height", 1, kMaxSide);
  const int stride = args.integer("stride", width, kMaxSide);
  const int start = args.has("start") ? args.integer("start", 0, 2147483647) : 0;
  const auto pixels = args.array<T>("pixels", start + plane_size(stride, width, height));
  return {pixels.subspan(start), stride, width, height};
}

}  // namespace tilth::binding
