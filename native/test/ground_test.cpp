// Unit tests of the kernels that look beside a pixel: surroundings, slopes, cast shadows. Values are worked
// by hand. Exit status as kernels_test.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <vector>

#include "correct.hpp"
#include "simd.hpp"
#include "surroundings.hpp"
#include "terrain.hpp"

namespace {

int failures = 0;

void expect_equal(const char* what, long found, long expected) {
  if (found == expected) return;
  ++failures;
  std::fprintf(stderr, "FAILED %s: expected %ld, found %ld\n", what, expected, found);
}

std::array<std::uint8_t, 256> only_detector(int number) {
  std::array<std::uint8_t, 256> table;
  table.fill(255);
  table[number] = 0;
  return table;
}

/// The same values on all four nodes of one cell.
std::vector<float> everywhere(std::initializer_list<float> values) {
  std::vector<float> nodes;
  for (int i = 0; i < 4; ++i) nodes.insert(nodes.end(), values);
  return nodes;
}

const tilth::NodeAxes kWide{0, 0.001, 0, 0.001};

void surroundings_by_hand() {
  const auto c = everywhere({1.0f, 0.05f, 0.2f});
  const auto legs = everywhere({1.25f, 0.8f});
  const auto slot = only_detector(1);
  const std::array<float, 1> node_hpa = {1013};
  tilth::CorrectionTable table{c, slot, 1, 2, 2, node_hpa, kWide};
  table.legs = legs;
  const std::array<float, 4> bright = {0.4f, 0.4f, 0.4f, 0.4f};
  const std::array<std::uint16_t, 2> dn = {1500, 0};
  const std::array<std::uint8_t, 2> detector = {1, 1};
  std::array<std::int16_t, 2> out{};
  std::array<std::uint8_t, 2> flags{};
  tilth::l2a_correct(dn, detector, {0, 0, 2, 1}, table, {}, {0, 10000}, out, flags, {bright, 2, 2, kWide});
  // y = 0.15 - 0.05 = 0.1; 0.1 * 1.25 * (1 - 0.4 * 0.2) - 0.4 * 0.25 = 0.115 - 0.1 = 0.015.
  expect_equal("dark ground beside bright ground", out[0], 150);
  expect_equal("no-data stays", out[1], -32768);
  // Surroundings as the pixel itself change nothing: rho_s = 0.1 / 1.02.
  const float own = 0.1f / 1.02f;
  const std::array<float, 4> alike = {own, own, own, own};
  tilth::l2a_correct(dn, detector, {0, 0, 2, 1}, table, {}, {0, 10000}, out, flags, {alike, 2, 2, kWide});
  expect_equal("ground alike everywhere", out[0], 980);
}

void slopes_by_hand() {
  // Sun in the south at 45 degrees, sensor in the zenith; all light direct; ground falls to the south by 45
  // degrees: cos i = 1, cos i / cos theta_s = 1.41421; F = (1 + 0.70711) / (0.70711 + 1) = 1.
  const auto c = everywhere({1.0f, 0.0f, 0.0f});
  const auto legs = everywhere({1.0f, 1.0f});
  const auto directions = everywhere({0.0f, -1.0f, 0.0f, 0.0f});
  const auto slot = only_detector(1);
  const std::array<float, 1> node_hpa = {1013};
  tilth::CorrectionTable table{c, slot, 1, 2, 2, node_hpa, kWide};
  table.legs = legs;
  table.directions = directions;
  const std::array<std::int16_t, 4> none = {0, 0, 0, 0};
  std::array<std::int16_t, 4> south, north;
  south.fill(4096);  // dz/dy = 1: it rises to the north, and faces the south
  north.fill(-4096);
  const std::array<std::uint8_t, 4> lit = {0, 0, 0, 0}, dark = {1, 1, 1, 1};
  const std::array<std::uint16_t, 1> dn = {2000};
  const std::array<std::uint8_t, 1> detector = {1};
  std::array<std::int16_t, 1> out{}, flat{};
  std::array<std::uint8_t, 1> flags{};
  const auto run = [&](const auto& slope, const auto& hidden, bool is_canopy = false) {
    tilth::l2a_correct(dn, detector, {0, 0, 1, 1}, table, {}, {0, 10000}, out, flags, {},
                       {none, slope, hidden, 2, 2, kWide, is_canopy}, flat);
  };
  run(none, lit);
  expect_equal("level ground", flat[0], 2000);
  run(south, lit);
  // Over what lies around as the pixel: e * (1 - cos s) / 2 = 0.2 * 0.146447 = 0.029289; 0.2 / 1.443503.
  expect_equal("slope that faces the sun", flat[0], 1386);
  expect_equal("its reflectance as seen", out[0], 2000);
  expect_equal("no flag", flags[0], 0);
  run(north, lit);
  // cos i = 0, taken as 0.2: 0.2 / (0.282843 + 0.029289) = 0.640755.
  expect_equal("slope that the sun grazes, after Lambert", flat[0], 6408);
  run(north, lit, true);
  // The same * (0.2 + 0.707107) / 1.707107 / (0.282843 + 0.029289) = 0.340476.
  expect_equal("slope that the sun grazes", flat[0], 3405);
  expect_equal("its flag", flags[0], tilth::kGrazing);
  run(south, dark);
  expect_equal("hidden from the sun", flat[0], 2000);
  expect_equal("no graze where hidden", flags[0], 0);
}

void blocks_of_ground() {
  const int width = 701, height = 23, columns = 7, rows = 5;
  std::uint32_t seed = 7;
  const auto next = [&] { return seed = seed * 1664525u + 1013904223u; };
  const auto unit = [&] { return static_cast<float>(next() >> 8) / 16777216.0f; };
  const std::array<float, 2> node_hpa = {700, 1013};
  std::vector<float> c(2 * rows * columns * 3), legs(2 * rows * columns * 2), directions(rows * columns * 4);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = (i % 3 == 0 ? 1.0f : 0.05f) + 0.3f * unit();
  for (std::size_t i = 0; i < legs.size(); ++i) legs[i] = i % 2 == 0 ? 1.0f + 0.4f * unit() : unit();
  for (auto& d : directions) d = 2.0f * unit() - 1.0f;
  std::vector<float> hpa(9 * 11), around(6 * 8);
  for (auto& p : hpa) p = 650.0f + 400.0f * unit();
  for (auto& e : around) e = 0.5f * unit();
  std::vector<std::int16_t> east(40 * 90), north(40 * 90);
  std::vector<std::uint8_t> hidden(40 * 90);
  for (std::size_t i = 0; i < east.size(); ++i) {
    east[i] = static_cast<std::int16_t>(next() >> 19);
    north[i] = static_cast<std::int16_t>((next() >> 19) - 4096);
    hidden[i] = (next() >> 20) % 9 == 0;
  }
  const auto slot = only_detector(3);
  tilth::CorrectionTable table{c, slot, 1, rows, columns, node_hpa, {-0.3, 0.0087, 0.013, 0.15}};
  table.legs = legs;
  table.directions = directions;
  const tilth::PressureGrid pressure{hpa, 9, 11, {0.0041, 0.0143, 0.1, 0.31}};
  const tilth::Surroundings beside{around, 6, 8, {0.02, 0.0101, 0.2, 0.21}};
  const tilth::Terrain terrain{east, north, hidden, 40, 90, {0.25, 0.125, 0.25, 1.6}, true};
  std::vector<std::uint16_t> dn(width * height);
  const std::vector<std::uint8_t> detector(dn.size(), 3);
  for (auto& d : dn) d = static_cast<std::uint16_t>(next() >> 18);
  std::vector<std::int16_t> whole(dn.size()), flat(dn.size());
  std::vector<std::uint8_t> flags(dn.size());
  tilth::l2a_correct(dn, detector, {0, 0, width, height}, table, pressure, {0, 10000}, whole, flags, beside,
                     terrain, flat);
  for (const int size : {5, 64, 513})
    for (int y = 0; y < height; y += size)
      for (int x = 0; x < width; x += size) {
        const int w = std::min(size, width - x), h = std::min(size, height - y);
        std::vector<std::uint16_t> d;
        for (int r = 0; r < h; ++r)
          for (int i = 0; i < w; ++i) d.push_back(dn[(y + r) * width + x + i]);
        std::vector<std::int16_t> out(d.size()), level(d.size());
        std::vector<std::uint8_t> f(d.size());
        tilth::l2a_correct(d, detector, {x, y, w, h}, table, pressure, {0, 10000}, out, f, beside, terrain,
                           level);
        for (int r = 0; r < h; ++r)
          for (int i = 0; i < w; ++i) {
            const int at = (y + r) * width + x + i, own = r * w + i;
            if (out[own] != whole[at] || level[own] != flat[at] || f[own] != flags[at])
              expect_equal("block equals whole", level[own], flat[at]);
          }
      }
}

void height_slopes() {
  // z = 3 x + 1 y (y to the north) on pixels of 10 m.
  std::vector<float> z;
  for (int r = 0; r < 4; ++r)
    for (int c = 0; c < 5; ++c) z.push_back(static_cast<float>(30 * c - 10 * r));
  std::vector<std::int16_t> east(6), north(6);
  for (const float error : {0.0f, 2.0f}) {
    tilth::slopes({z, 4, 5, 10}, {1, error}, 0, 2, east, north);
    for (int i = 0; i < 6; ++i) {
      expect_equal("dz/dx", east[i], 3 * 4096);
      expect_equal("dz/dy", north[i], 4096);
    }
  }
  // 6 m to the east of level ground: by its neighbours 0.3; the plane rises by 6 / 6 m a pixel, 0.1, and
  // leaves 36 - 36 / 9 - 36 / 6 = 26 square metres with 6 degrees of freedom.
  const std::vector<float> rock = {0, 0, 0, 0, 0, 6, 0, 0, 0};
  std::vector<std::uint8_t> smooth(1);
  const auto slope_of_rock = [&](float error) {
    tilth::slopes({rock, 3, 3, 10}, {1, error}, 0, 1, east, north, smooth);
    return east[0];
  };
  expect_equal("exact heights", slope_of_rock(0.0f), 1229);
  expect_equal("no plane", smooth[0], 0);
  expect_equal("6 of 26 explained", slope_of_rock(1.0f), 1040);
  expect_equal("255 * 6 / 32", smooth[0], 48);
  expect_equal("all explained", slope_of_rock(3.0f), 410);
  expect_equal("255 * 54 / 80", smooth[0], 172);
}

void shadow_of_a_wall() {
  // A wall of 100 m in column 5, sun in the east at 45 degrees: the five pixels of 20 m west of it lie in its
  // shadow, the fifth only just not.
  const int rows = 3, columns = 20;
  std::vector<float> z(rows * columns, 0.0f);
  for (int r = 0; r < rows; ++r) z[r * columns + 12] = 100.0f;
  const tilth::SunOverGrid sun{{1, 1, 1, 1}, {0, 0, 0, 0}};
  std::vector<std::uint8_t> hidden(z.size(), 9);
  tilth::cast_shadows({z, rows, columns, 20}, sun, 0.5f, 0, rows, hidden);
  for (int c = 0; c < columns; ++c)
    expect_equal("shadow west of the wall", hidden[columns + c], c >= 8 && c < 12);
  // Rows apart give the same as the whole.
  std::vector<std::uint8_t> parts(z.size(), 9);
  for (int r = 0; r < rows; ++r) tilth::cast_shadows({z, rows, columns, 20}, sun, 0.5f, r, r + 1, parts);
  expect_equal("rows apart", parts == hidden, 1);
}

void means_by_hand() {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::array<float, 9> values = {1, 2, 3, 4, nan, 6, 7, 8, 9};
  const std::array<float, 9> weights = {0, 1, 0, 1, 5, 1, 0, 1, 0};
  std::array<float, 9> out{};
  tilth::means_around(values, 3, 3, weights, 1, 0, 3, out);
  expect_equal("hole gets its neighbours' mean", std::lround(out[4] * 100), 500);
  expect_equal("corner", std::lround(out[0] * 1000), std::lround((5.0 * 1 + 2 + 4) / 7 * 1000));
  const std::array<float, 9> nothing = {nan, nan, nan, nan, nan, nan, nan, nan, nan};
  tilth::means_around(nothing, 3, 3, weights, 1, 0, 3, out);
  expect_equal("nothing known", std::isnan(out[4]), 1);
}

}  // namespace

int main() {
  if (tilth::simd_target().name == "unsupported") return 77;
  surroundings_by_hand();
  slopes_by_hand();
  blocks_of_ground();
  height_slopes();
  shadow_of_a_wall();
  means_by_hand();
  return failures == 0 ? 0 : 1;
}
