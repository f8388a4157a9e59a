#include "correct.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "simd.hpp"

namespace tilth {
namespace {

/// Most pressure nodes that a table may have; the binding refuses more.
constexpr int kMaxPressures = 32;

/// Values between nodes may pass them by their rounding, hPa.
constexpr float kBoundHpa = 0.01f;

/// One cell of a node axis, the pixel from which fractions in it are counted, and the first pixel beyond it.
struct Cell {
  int index;
  int origin;
  int end;
  float f0;
};

/// First pixel at or beyond node `node`. The quotient may be off by one either way; the loops settle it with
/// the same expression that positions pixels, so that a pixel belongs to the same cell whatever block asks.
int first_pixel_of(double node, double x0, double dx) noexcept {
  double c = std::ceil((node - x0) / dx);
  c = std::clamp(c, -1e9, 1e9);
  while (x0 + dx * (c - 1) >= node) c -= 1;
  while (x0 + dx * c < node) c += 1;
  return static_cast<int>(c);
}

Cell cell_of(int pixel, int nodes, double x0, double dx) noexcept {
  const double u = x0 + dx * pixel;
  const int index = static_cast<int>(std::clamp(std::floor(u), 0.0, static_cast<double>(nodes - 2)));
  const int origin = first_pixel_of(index, x0, dx);
  const int end = index == nodes - 2 ? 2000000000 : first_pixel_of(index + 1, x0, dx);
  return {index, origin, end, static_cast<float>(x0 + dx * origin - index)};
}

float fraction_of(int pixel, const Cell& cell, double dx) noexcept {
  const float f = cell.f0 + static_cast<float>(pixel - cell.origin) * static_cast<float>(dx);
  return f > 0.0f ? (f < 1.0f ? f : 1.0f) : 0.0f;
}

/// Where one row of pixels lies on a grid.
struct RowPlace {
  Cell cell{};
  float fy = 0;
};

/// Finds rows of pixels on the rows of a grid; neighbouring rows mostly lie in the same cell.
class RowFinder {
 public:
  RowFinder(int rows, const NodeAxes& axes) noexcept : rows_(rows), axes_(axes) {}

  RowPlace at(int y) noexcept {
    // Rows before the first node lie in the first cell all the same; they are few and looked up each time.
    if (y < cell_.origin || y >= cell_.end) cell_ = cell_of(y, rows_, axes_.y0, axes_.dy);
    return {cell_, fraction_of(y, cell_, axes_.dy)};
  }

 private:
  int rows_;
  NodeAxes axes_;
  Cell cell_{0, 0, 0, 0};
};

/// Where a strip of columns lies on a grid: `first` is the first node that it needs, of `nodes`.
struct StripPlaces {
  int first, nodes;
  NodePlaces places;
};

/// Looks for pixels that lie on nodes in regular turn; see NodePlaces.
void find_regular(NodePlaces& at) noexcept {
  at.regular_from = at.regular_to = 0;
  at.step = 1;
  for (const int step : {1, 2}) {
    int from = 0;
    const auto follows = [&](int i) {
      return i + step < at.n && at.node[i + step] == at.node[i] + 1 && at.node[i + step - 1] == at.node[i];
    };
    // Only the outermost pixels of an image hang on the outermost nodes.
    while (from < std::min(at.n, 4) && !follows(from)) ++from;
    int to = from;
    while (follows(to)) to += step;
    if (to - from <= at.regular_to - at.regular_from) continue;
    at.regular_from = from;
    at.regular_to = to;
    at.step = step;
  }
}

/// Looks for nodes on which many pixels lie.
void find_ends(NodePlaces& at) noexcept {
  at.ends = 0;
  if ((at.node[at.n - 1] + 1) * kLongRun > at.n) return;
  for (int i = 1; i <= at.n; ++i)
    if (i == at.n || at.node[i] != at.node[i - 1]) at.end[at.ends++] = i;
}

/// Turns nodes of the grid into nodes of the strip.
void settle(StripPlaces& strip) noexcept {
  NodePlaces& at = strip.places;
  strip.first = at.node[0];
  strip.nodes = at.node[at.n - 1] + 2 - strip.first;
  for (int i = 0; i < at.n; ++i) at.node[i] -= strip.first;
  find_regular(at);
  find_ends(at);
}

void place_columns(StripPlaces& strip, int x, int n, int columns, const NodeAxes& axes) noexcept {
  NodePlaces& at = strip.places;
  at.n = n;
  for (int done = 0; done < n;) {
    const Cell cell = cell_of(x + done, columns, axes.x0, axes.dx);
    const int length = std::min(n - done, cell.end - (x + done));
    for (int i = done; i < done + length; ++i) {
      at.node[i] = cell.index;
      at.share[i] = fraction_of(x + i, cell, axes.dx);
    }
    done += length;
  }
  settle(strip);
}

/// The same for slopes, whose nodes lie too close for a search of cells; and the nearest nodes.
void place_slopes(StripPlaces& strip, int* nearest, int x, int n, int columns,
                  const NodeAxes& axes) noexcept {
  NodePlaces& at = strip.places;
  at.n = n;
  for (int i = 0; i < n; ++i) {
    const double u = axes.x0 + axes.dx * (x + i), low = u > 0.0 ? u : 0.0;
    const int k = static_cast<int>(std::min(low, static_cast<double>(columns - 2)));
    const auto share = static_cast<float>(low - k);
    at.node[i] = k;
    at.share[i] = share < 1.0f ? share : 1.0f;
    nearest[i] = static_cast<int>(std::clamp(u + 0.5, 0.0, static_cast<double>(columns - 1)));
  }
  settle(strip);
}

/// Columns that are done together: no grid has more nodes below them than there is room for.
int strip_width(std::initializer_list<double> steps) noexcept {
  int width = kRunMax;
  for (const double step : steps)
    if (step * width > kRunNodes - 4) width = std::max(1, static_cast<int>((kRunNodes - 4) / step));
  return width;
}

/// A row of pixels between two rows of nodes of one grid.
class GridRow {
 public:
  explicit GridRow(const StripPlaces& strip) : strip_(strip) {}

  template <typename T>
  void read(std::span<const T> values, int columns, const RowPlace& row, float scale, float* out,
            const RowFunctions& rows) noexcept {
    const T* upper = values.data() + static_cast<std::ptrdiff_t>(row.cell.index) * columns + strip_.first;
    if constexpr (std::is_same_v<T, float>)
      rows.blend_f32(upper, upper + columns, strip_.nodes, row.fy, scale, nodes_.data());
    else
      rows.blend_i16(upper, upper + columns, strip_.nodes, row.fy, scale, nodes_.data());
    rows.between_nodes(strip_.places, nodes_.data(), out);
  }

  /// Least and greatest value of the nodes around the pixels [first, end).
  std::pair<float, float> bounds(int first, int end) const noexcept {
    const float* from = nodes_.data() + strip_.places.node[first];
    const float* to = nodes_.data() + strip_.places.node[end - 1] + 2;
    const auto [least, most] = std::minmax_element(from, to);
    return {*least, *most};
  }

 private:
  const StripPlaces& strip_;
  std::array<float, kRunNodes> nodes_;
};

/// How many pixels from the first on, at most `most`, have its detector.
int same_detector(const std::uint8_t* detector, int most) noexcept {
  std::uint64_t same;
  std::memset(&same, detector[0], sizeof same);
  int n = 0;
  for (std::uint64_t eight; n + 8 <= most; n += 8) {
    std::memcpy(&eight, detector + n, sizeof eight);
    if (eight != same) break;
  }
  while (n < most && detector[n] == detector[0]) ++n;
  return n;
}

/// Where the sun is hidden on a row of pixels; false: nowhere, and `out` is not written.
bool hidden_of_row(const Terrain& terrain, const StripPlaces& strip, const int* nearest, const RowPlace& row,
                   std::uint8_t* out) noexcept {
  const std::uint8_t* nodes =
      terrain.hidden.data() +
      static_cast<std::ptrdiff_t>(row.cell.index + (row.fy < 0.5f ? 0 : 1)) * terrain.columns;
  unsigned any = 0;
  for (int k = 0; k < strip.nodes; ++k) any |= nodes[strip.first + k];
  if (any == 0) return false;
  for (int i = 0; i < strip.places.n; ++i) out[i] = nodes[nearest[i]];
  return true;
}

}  // namespace

void l2a_correct(std::span<const std::uint16_t> dn, std::span<const std::uint8_t> detector,
                 const PixelWindow& window, const CorrectionTable& table, const PressureGrid& pressure,
                 const Radiometry& radiometry, std::span<std::int16_t> out, std::span<std::uint8_t> flags,
                 const Surroundings& around, const Terrain& terrain, std::span<std::int16_t> flat) noexcept {
  const RowFunctions& rows = *simd_target().rows;
  const int pressures = std::min(static_cast<int>(table.node_hpa.size()), kMaxPressures);
  const bool uses_pressure = pressures > 1 && !pressure.hpa.empty();
  const bool has_legs = !table.legs.empty();
  const bool is_around = has_legs && !around.reflectance.empty();
  const bool is_sloping = has_legs && !table.directions.empty() && !terrain.east.empty() && !flat.empty();
  const std::ptrdiff_t nodes = static_cast<std::ptrdiff_t>(table.rows) * table.columns;
  StripPlaces table_at, pressure_at, around_at, terrain_at;
  std::array<int, kRunMax> nearest;
  GridRow pressure_row(pressure_at), around_row(around_at), slopes_row(terrain_at);
  std::array<float, kRunMax> hpa, beside, east, north;
  std::array<std::uint8_t, kRunMax> hidden;
  const std::array<std::uint8_t, kRunMax> nowhere{};
  std::array<float, kMaxPressures * 3> left{}, right{};
  std::array<float, kMaxPressures * 2> legs_left{}, legs_right{};
  std::array<float, 4> directions_left{}, directions_right{};

  const int most = strip_width({table.axes.dx, uses_pressure ? pressure.axes.dx : 0.0,
                                is_around ? around.axes.dx : 0.0, is_sloping ? terrain.axes.dx : 0.0});
  for (int begin = 0; begin < window.width; begin += most) {
    const int x = window.x + begin, width = std::min(most, window.width - begin);
    place_columns(table_at, x, width, table.columns, table.axes);
    if (uses_pressure) place_columns(pressure_at, x, width, pressure.columns, pressure.axes);
    if (is_around) place_columns(around_at, x, width, around.columns, around.axes);
    if (is_sloping) place_slopes(terrain_at, nearest.data(), x, width, terrain.columns, terrain.axes);
    RowFinder table_rows(table.rows, table.axes), pressure_rows(pressure.rows, pressure.axes);
    RowFinder around_rows(around.rows, around.axes), terrain_rows(terrain.rows, terrain.axes);
    for (int r = 0; r < window.height; ++r) {
      const int y = window.y + r;
      const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(r) * window.width + begin;
      const RowPlace at = table_rows.at(y);
      bool is_row_read = false, is_any_hidden = false;
      for (int c = 0; c < width;) {
        const int cell = table_at.first + table_at.places.node[c];
        const int *own = table_at.places.node + c, *last = table_at.places.node + width;
        const int cell_end = c + static_cast<int>(std::upper_bound(own, last, *own) - own);
        const std::ptrdiff_t node =
            static_cast<std::ptrdiff_t>(at.cell.index) * table.columns + static_cast<std::ptrdiff_t>(cell);
        // Values of one plane of nodes, `size` floats each, on the edges of the cell at this row.
        const auto edges = [&](const float* plane, int size, float* on_left, float* on_right) {
          const float* upper = plane + node * size;
          const float* lower = upper + static_cast<std::ptrdiff_t>(table.columns) * size;
          for (int k = 0; k < size; ++k) {
            on_left[k] = upper[k] + at.fy * (lower[k] - upper[k]);
            on_right[k] = upper[size + k] + at.fy * (lower[size + k] - upper[size + k]);
          }
        };
        // A cell of the table is crossed by few detectors: take runs of one detector within it.
        while (c < cell_end) {
          const std::uint8_t d = detector[row + c];
          const int n = same_detector(detector.data() + row + c, cell_end - c);
          const int slot = d == 0 ? 255 : table.slot_of_detector[d];
          if (slot >= table.slots) {
            for (int i = 0; i < n; ++i) {
              const std::uint16_t value = dn[row + c + i];
              out[row + c + i] = -32768;
              if (is_sloping) flat[row + c + i] = -32768;
              flags[row + c + i] = static_cast<std::uint8_t>(kNoData | (value == 0 ? 0 : kNoDetector) |
                                                             (value == 65535 ? kSaturated : 0));
            }
            c += n;
            continue;
          }
          if (!is_row_read) {
            is_row_read = true;
            if (uses_pressure)
              pressure_row.read(pressure.hpa, pressure.columns, pressure_rows.at(y), 1.0f, hpa.data(), rows);
            if (is_around)
              around_row.read(around.reflectance, around.columns, around_rows.at(y), 1.0f, beside.data(),
                              rows);
            if (is_sloping) {
              const RowPlace ground = terrain_rows.at(y);
              constexpr float kScale = 1.0f / kSlopeScale;
              slopes_row.read(terrain.east, terrain.columns, ground, kScale, east.data(), rows);
              slopes_row.read(terrain.north, terrain.columns, ground, kScale, north.data(), rows);
              is_any_hidden = hidden_of_row(terrain, terrain_at, nearest.data(), ground, hidden.data());
            }
          }
          // Of the pressures only those between which the run lies.
          int low = 0, high = 0;
          if (uses_pressure) {
            const auto [least, greatest] = pressure_row.bounds(c, c + n);
            while (low + 2 < pressures && table.node_hpa[low + 1] <= least - kBoundHpa) ++low;
            high = low + 1;
            while (high + 1 < pressures && table.node_hpa[high] <= greatest + kBoundHpa) ++high;
          }
          for (int p = low; p <= high; ++p) {
            const std::ptrdiff_t plane = (static_cast<std::ptrdiff_t>(slot) * pressures + p) * nodes;
            const int to = p - low;
            edges(table.coefficients.data() + plane * 3, 3, left.data() + 3 * to, right.data() + 3 * to);
            if (has_legs)
              edges(table.legs.data() + plane * 2, 2, legs_left.data() + 2 * to, legs_right.data() + 2 * to);
          }
          if (is_sloping)
            edges(table.directions.data() + slot * nodes * 4, 4, directions_left.data(),
                  directions_right.data());
          rows.correct_run({dn.data() + row + c,
                            out.data() + row + c,
                            flags.data() + row + c,
                            n,
                            table_at.places.share + c,
                            high - low + 1,
                            left.data(),
                            right.data(),
                            table.node_hpa.data() + low,
                            hpa.data() + c,
                            radiometry.offset,
                            1.0f / radiometry.quantification,
                            has_legs ? legs_left.data() : nullptr,
                            legs_right.data(),
                            is_around ? beside.data() + c : nullptr,
                            directions_left.data(),
                            directions_right.data(),
                            east.data() + c,
                            north.data() + c,
                            (is_any_hidden ? hidden : nowhere).data() + c,
                            terrain.is_canopy,
                            is_sloping ? flat.data() + row + c : nullptr});
          c += n;
        }
      }
    }
  }
}

}  // namespace tilth
