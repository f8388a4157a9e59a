#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tilth {

/// Packs decoded blocks for a scratch file, and unpacks them: digital numbers as horizontal differences, low
/// bytes apart from high ones (the high ones are nearly constant then), and detector numbers, both by
/// Zstandard level 1. One per thread; memory for the largest block so far is kept.
class BlockPacker {
 public:
  BlockPacker();
  ~BlockPacker();
  BlockPacker(const BlockPacker&) = delete;
  BlockPacker& operator=(const BlockPacker&) = delete;

  /// Bytes that hold any packed block of so many pixels.
  static std::size_t bound(std::size_t pixels) noexcept;

  /// @param dn, detector  [height][width], width and height >= 1.
  /// @return bytes written to `out`; 0 if it is too small.
  std::size_t pack(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector, int width,
                   int height, std::span<std::uint8_t> out);

  /// The exact reverse. @return false where `in` is not what `pack` made of a block of this size.
  bool unpack(std::span<const std::uint8_t> in, int width, int height, std::span<std::uint16_t> dn,
              std::span<std::uint8_t> detector);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tilth
