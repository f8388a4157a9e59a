#pragma once
// Sizes and places of what functions of the addon are given.
#include <cstddef>

#include "arguments.hpp"
#include "correct.hpp"

namespace tilth::binding {

inline constexpr int kMaxSide = 1 << 20;

inline std::size_t area(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

inline PixelWindow window_of(const Arguments& args) {
  return {args.integer("x", 0, kMaxSide), args.integer("y", 0, kMaxSide), args.integer("width", 1, kMaxSide),
          args.integer("height", 1, kMaxSide)};
}

}  // namespace tilth::binding
