// Speed of the inner work, one thread, 1024 x 1024 pixels: prints Mpx per second of CPU time. TILTH_SIMD
// forces a target.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "cell_sums.hpp"
#include "composite.hpp"
#include "correct.hpp"
#include "encode.hpp"
#include "flags.hpp"
#include "halve.hpp"
#include "normalized_difference.hpp"
#include "pack.hpp"
#include "simd.hpp"
#include "summary.hpp"
#include "surroundings.hpp"
#include "terrain.hpp"

namespace {
constexpr int kSide = 1024;

template <typename Work>
void measure(const char* name, int rounds, Work work) {
  work();
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < rounds; ++i) work();
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / rounds);
  }
  std::printf("%-28s %8.0f Mpx/CPU-s\n", name, kSide * kSide / best / 1e6);
}
}  // namespace

int main() {
  const std::size_t n = static_cast<std::size_t>(kSide) * kSide;
  std::vector<std::uint16_t> dn(n), mask(n);
  std::vector<std::uint8_t> detector(n, 5), flags(n), packed;
  std::vector<std::int16_t> out(n), half(n / 4);
  std::uint32_t seed = 7;
  int level = 2000;
  for (auto& d : dn) {
    seed = seed * 1664525u + 1013904223u;
    level += static_cast<int>(seed >> 26) - 32 + (2000 - level) / 64;
    d = static_cast<std::uint16_t>(std::clamp(level, 1, 12000));
  }
  std::vector<float> c(2 * 23 * 23 * 3, 0.1f);
  for (std::size_t i = 0; i < c.size(); i += 3) c[i] = 1.2f;
  std::array<std::uint8_t, 256> slot{};
  slot.fill(0);
  const std::array<float, 1> one = {1013};
  const std::array<float, 2> two = {700, 1013};
  const tilth::NodeAxes axes{0.001, 0.002, 0.001, 0.002};
  std::vector<float> hpa(23 * 23, 900);
  const tilth::PixelWindow window{0, 0, kSide, kSide};
  const tilth::CorrectionTable flat{c, slot, 1, 23, 23, one, axes}, relief{c, slot, 1, 23, 23, two, axes};
  std::printf("SIMD target: %s\n", std::string(tilth::simd_target().name).c_str());
  measure("correct, one pressure", 50, [&] {
    tilth::l2a_correct(dn, detector, window, flat, {}, {-1000, 10000}, out, flags);
  });
  const tilth::PressureGrid grid{hpa, 23, 23, axes};
  measure("correct, pressure grid", 50, [&] {
    tilth::l2a_correct(dn, detector, window, relief, grid, {-1000, 10000}, out, flags);
  });
  const std::vector<float> legs(2 * 23 * 23 * 2, 1.1f), directions(23 * 23 * 4, 0.3f), beside(60 * 60, 0.2f);
  tilth::CorrectionTable ground = relief;
  ground.legs = legs;
  ground.directions = directions;
  const tilth::Surroundings around{beside, 60, 60, {0.02, 0.041, 0.02, 0.041}};
  measure("correct, surroundings", 50, [&] {
    tilth::l2a_correct(dn, detector, window, ground, grid, {-1000, 10000}, out, flags, around);
  });
  std::vector<std::int16_t> slope(n / 4), level_ground(n);
  const std::vector<std::uint8_t> hidden(n / 4, 0);
  for (std::size_t i = 0; i < slope.size(); ++i) slope[i] = static_cast<std::int16_t>(dn[i] - 2000);
  const tilth::Terrain terrain{slope, slope, hidden, kSide / 2, kSide / 2, {-0.25, 0.5, -0.25, 0.5}};
  measure("the same and slopes", 50, [&] {
    tilth::l2a_correct(dn, detector, window, ground, grid, {-1000, 10000}, out, flags, around, terrain,
                       level_ground);
  });
  std::vector<float> heights(n), means(n);
  std::vector<std::int16_t> index(n);
  std::vector<std::uint8_t> classes_of_shadow(n);
  for (std::size_t i = 0; i < n; ++i) heights[i] = static_cast<float>(dn[i]) * 0.2f;
  const tilth::SunOverGrid sun{{1.2f, 1.2f, 1.2f, 1.2f}, {-0.8f, -0.8f, -0.8f, -0.8f}};
  measure("cast_shadows, 400 m relief", 2, [&] {
    tilth::cast_shadows({heights, kSide, kSide, 60}, sun, 5, 0, kSide, classes_of_shadow);
  });
  measure("slopes of neighbours", 10, [&] {
    tilth::slopes({heights, kSide, kSide, 20}, {6, 0.0f}, 0, kSide - 12, out, index);
  });
  measure("slopes, planes of 13 x 13", 5, [&] {
    tilth::slopes({heights, kSide, kSide, 20}, {6, 2.0f}, 0, kSide - 12, out, index);
  });
  const std::vector<float> weights(21 * 21, 1.0f);
  measure("means_around, 21 x 21", 1,
          [&] { tilth::means_around(heights, kSide, kSide, weights, 10, 0, kSide, means); });
  measure("halve_mean_i16", 100, [&] {
    tilth::halve_mean_i16({out, kSide, kSide, kSide}, -32768, {half, kSide / 2, kSide / 2, kSide / 2});
  });
  std::vector<std::int16_t> red(out.rbegin(), out.rend());
  measure("normalized_difference", 50, [&] { tilth::normalized_difference(out, red, -32768, 100, index); });
  std::vector<std::uint8_t> rank(n), classes(n, 4);
  std::vector<std::uint16_t> count(n);
  std::vector<double> weight(n), day(n), sums(n);
  const tilth::CompositeState state{rank, count, weight, day, sums};
  measure("composite_add, one band", 20, [&] {
    tilth::composite_add({out, classes, -32768, 1 << 19, -1000}, state);
  });
  std::array<std::uint16_t, 256> bits{};
  measure("or_flags, 20 m on 10 m", 50, [&] {
    tilth::or_flags(mask, window, flags, kSide / 2, kSide / 2, {0.25, 0.5, 0.25, 0.5}, bits);
  });
  measure("or_flags, same grid", 50, [&] {
    tilth::or_flags(mask, window, flags, kSide, kSide, {0.5, 1, 0.5, 1}, bits);
  });
  std::vector<std::uint32_t> cell_sums(43 * 43), seen(43 * 43);
  std::vector<std::int32_t> cell_counts(43 * 43), saturated(43 * 43);
  measure("sensor_cells of 24 x 24", 50, [&] {
    tilth::sensor_cells({dn, kSide, kSide, kSide}, detector, 24, 0, 0, 43,
                        {cell_sums, cell_counts, saturated, seen});
  });
  std::int64_t total = 0;
  measure("summarize", 100, [&] { total += tilth::summarize(out, -32768).sum; });
  if (total == 0) std::printf("no valid pixel\n");
  tilth::BlockPacker packer;
  packed.resize(tilth::BlockPacker::bound(n));
  std::size_t packed_size = 0;
  measure("pack a block", 4, [&] { packed_size = packer.pack(dn, detector, kSide, kSide, packed); });
  std::printf("%-28s %8.2f bytes a pixel\n", "packed",
              static_cast<double>(packed_size) / static_cast<double>(n));
  std::vector<std::uint16_t> unpacked(n);
  std::vector<std::uint8_t> unpacked_detector(n);
  measure("unpack a block", 10, [&] {
    packer.unpack({packed.data(), packed_size}, kSide, kSide, unpacked, unpacked_detector);
  });
  tilth::TileEncoder encoder(512);
  packed.resize(encoder.bound());
  for (const auto codec : {tilth::Codec::kDeflate, tilth::Codec::kZstd})
    measure(codec == tilth::Codec::kDeflate ? "encode deflate 1, predictor 2" : "encode zstd 1, predictor 2",
            2, [&] {
              for (int y = 0; y < kSide; y += 512)
                for (int x = 0; x < kSide; x += 512)
                  encoder.encode(out.data() + y * kSide + x, 2, true, kSide, 512, 512, 2, codec, packed);
            });
}
