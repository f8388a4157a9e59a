#include "pack.hpp"

#include <zstd.h>

#include <cstring>
#include <new>
#include <vector>

namespace tilth {
namespace {

constexpr int kLevel = 1;
/// Two lengths of 8 bytes: packed numbers, packed detectors.
constexpr std::size_t kHeader = 16;

}  // namespace

struct BlockPacker::State {
  ZSTD_CCtx* pack;
  ZSTD_DCtx* unpack;
  std::vector<std::uint8_t> planes;
};

BlockPacker::BlockPacker() : state_(new State{ZSTD_createCCtx(), ZSTD_createDCtx(), {}}) {
  if (!state_->pack || !state_->unpack) {
    ZSTD_freeCCtx(state_->pack);
    ZSTD_freeDCtx(state_->unpack);
    throw std::bad_alloc();
  }
}

BlockPacker::~BlockPacker() {
  ZSTD_freeCCtx(state_->pack);
  ZSTD_freeDCtx(state_->unpack);
}

std::size_t BlockPacker::bound(std::size_t pixels) noexcept {
  return kHeader + ZSTD_compressBound(2 * pixels) + ZSTD_compressBound(pixels);
}

std::size_t BlockPacker::pack(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector,
                              int width, int height, std::span<std::uint8_t> out) {
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  if (out.size() < kHeader) return 0;
  state_->planes.resize(2 * pixels);
  std::uint8_t* low = state_->planes.data();
  std::uint8_t* high = low + pixels;
  for (int y = 0; y < height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    const std::uint16_t* from = dn.data() + row;
    low[row] = static_cast<std::uint8_t>(from[0]);
    high[row] = static_cast<std::uint8_t>(from[0] >> 8);
    for (int x = 1; x < width; ++x) {
      const auto difference = static_cast<std::uint16_t>(from[x] - from[x - 1]);
      low[row + static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(difference);
      high[row + static_cast<std::size_t>(x)] = static_cast<std::uint8_t>(difference >> 8);
    }
  }
  std::uint64_t sizes[2];
  const std::size_t numbers =
      ZSTD_compressCCtx(state_->pack, out.data() + kHeader, out.size() - kHeader, low, 2 * pixels, kLevel);
  if (ZSTD_isError(numbers)) return 0;
  const std::size_t at = kHeader + numbers;
  const std::size_t seen =
      ZSTD_compressCCtx(state_->pack, out.data() + at, out.size() - at, detector.data(), pixels, kLevel);
  if (ZSTD_isError(seen)) return 0;
  sizes[0] = numbers;
  sizes[1] = seen;
  std::memcpy(out.data(), sizes, kHeader);
  return at + seen;
}

bool BlockPacker::unpack(std::span<const std::uint8_t> in, int width, int height, std::span<std::uint16_t> dn,
                         std::span<std::uint8_t> detector) {
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  std::uint64_t sizes[2];
  if (in.size() < kHeader) return false;
  std::memcpy(sizes, in.data(), kHeader);
  if (sizes[0] > in.size() - kHeader || sizes[1] != in.size() - kHeader - sizes[0]) return false;
  state_->planes.resize(2 * pixels);
  std::uint8_t* low = state_->planes.data();
  const std::uint8_t* high = low + pixels;
  if (ZSTD_decompressDCtx(state_->unpack, low, 2 * pixels, in.data() + kHeader, sizes[0]) != 2 * pixels)
    return false;
  if (ZSTD_decompressDCtx(state_->unpack, detector.data(), pixels, in.data() + kHeader + sizes[0],
                          sizes[1]) != pixels)
    return false;
  for (int y = 0; y < height; ++y) {
    const std::size_t row = static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
    unsigned value = 0;
    for (int x = 0; x < width; ++x) {
      const std::size_t i = row + static_cast<std::size_t>(x);
      value += static_cast<unsigned>(low[i]) | static_cast<unsigned>(high[i]) << 8;
      dn[i] = static_cast<std::uint16_t>(value);
    }
  }
  return true;
}

}  // namespace tilth
