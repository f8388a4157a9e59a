#pragma once
// What the memory of this machine allows: the same bytes as a kernel's, read and written in a row, with
// nothing done to them.
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tilth_bench {

/// Bytes a pixel that a kernel reads, writes, and reads to write again in the same place.
struct Traffic {
  double read, written, updated = 0;
};

/// Reads and writes the traffic of `pixels` pixels piece by piece, as a kernel does row by row (after STREAM,
/// McCalpin 1995: arrays are used again each time, so what fits in a cache stays there for it as for the
/// kernel).
class StreamLimit {
 public:
  StreamLimit(const Traffic& traffic, double pixels)
      : from_(static_cast<std::size_t>(traffic.read * pixels / 8), 1),
        to_(static_cast<std::size_t>(traffic.written * pixels / 8)),
        updated_(static_cast<std::size_t>(traffic.updated * pixels / 8)) {}

  void run() {
    const auto part = [](std::size_t size, std::size_t piece) { return size * piece / kPieces; };
    std::uint64_t sum = 0;
    for (std::size_t piece = 0; piece < kPieces; ++piece) {
      for (std::size_t i = part(from_.size(), piece); i < part(from_.size(), piece + 1); ++i) sum += from_[i];
      for (std::size_t i = part(to_.size(), piece); i < part(to_.size(), piece + 1); ++i) to_[i] = piece;
      for (std::size_t i = part(updated_.size(), piece); i < part(updated_.size(), piece + 1); ++i)
        updated_[i] += piece;
      // All loops have to be done.
      asm volatile("" : "+r"(sum) : "r"(to_.data()), "r"(updated_.data()) : "memory");
    }
  }

 private:
  static constexpr std::size_t kPieces = 1024;
  std::vector<std::uint64_t> from_, to_, updated_;
};

}  // namespace tilth_bench
