#include "rows.hpp"

#include "correct_flags.hpp"

namespace tilth::TILTH_TARGET {
namespace {

inline float clamp01(float v) {
  v = v > 0.0f ? v : 0.0f;
  return v < 1.0f ? v : 1.0f;
}

template <typename T>
void blend(const T* __restrict upper, const T* __restrict lower, int n, float fy, float scale,
           float* __restrict out) noexcept {
  for (int k = 0; k < n; ++k) {
    const float u = upper[k], l = lower[k];
    out[k] = (u + fy * (l - u)) * scale;
  }
}

void between_nodes(const NodePlaces& at, const float* __restrict nodes, float* __restrict out) noexcept {
  const int* __restrict node = at.node;
  const float* __restrict share = at.share;
  const int from = at.regular_from, to = at.regular_to;
  if (at.ends > 0) {
    for (int e = 0, i = 0; e < at.ends; ++e) {
      const float left = nodes[node[i]], rise = nodes[node[i] + 1] - left;
      for (const int end = at.end[e]; i < end; ++i) out[i] = left + share[i] * rise;
    }
    return;
  }
  const auto looked_up = [&](int first, int end) {
    for (int i = first; i < end; ++i) {
      const float left = nodes[node[i]], right = nodes[node[i] + 1];
      out[i] = left + share[i] * (right - left);
    }
  };
  looked_up(0, from);
  const float* __restrict next = nodes + node[from];
  const float* __restrict w = share + from;
  float* __restrict to_out = out + from;
  if (at.step == 1) {
    for (int i = 0; i < to - from; ++i) to_out[i] = next[i] + w[i] * (next[i + 1] - next[i]);
  } else {
    for (int i = 0; i < (to - from) / 2; ++i) {
      const float left = next[i], rise = next[i + 1] - left;
      to_out[2 * i] = left + w[2 * i] * rise;
      to_out[2 * i + 1] = left + w[2 * i + 1] * rise;
    }
  }
  looked_up(to, at.n);
}

/// What a reflectance x 10000 is stored as.
struct Stored {
  std::int16_t value;
  int good, clipped;
};

inline Stored store(float v, int measured) {
  const float high = v < 32767.0f ? v : 32767.0f;
  const float low = high > -32767.0f ? high : -32767.0f;
  const int rounded = static_cast<int>(low + __builtin_copysignf(0.5f, low));
  const int good = measured & (v == v);
  return {static_cast<std::int16_t>(good ? rounded : -32768), good, good & (v != low)};
}

// The compiler's own instruction, rounded correctly by IEEE 754: the same on every target. <cmath> would
// bring inline functions of the library.
inline float square_root(float v) { return __builtin_sqrtf(v); }

template <bool kIs>
struct Is {
  static constexpr bool value = kIs;
};

/// Pixels whose pressures are looked at together: of the intervals of pressure they need one or two.
constexpr int kPressureRun = 64;

/// One value on `n` pixels with shares `f` between two pressures: bilinear in the cell, then linear with the
/// share `t` of the higher one. `l`, `r`: on both edges at the lower pressure; at the higher one `width`
/// behind.
void between_pressures(const float* __restrict f, const float* __restrict t, int n, const float* l,
                       const float* r, int width, float* __restrict out) noexcept {
  const float value = *l, slope = *r - value;
  const float rise = l[width] - value, twist = (r[width] - *r) - rise;
  for (int i = 0; i < n; ++i) out[i] = (value + f[i] * slope) + t[i] * (rise + f[i] * twist);
}

/// The same where the pressure is not below that of the lower node; elsewhere `out` stays.
void above_pressure(const float* __restrict f, const float* __restrict t, int n, const float* l,
                    const float* r, int width, const float* __restrict hpa, float node,
                    float* __restrict out) noexcept {
  const float value = *l, slope = *r - value;
  const float rise = l[width] - value, twist = (r[width] - *r) - rise;
  for (int i = 0; i < n; ++i) {
    const float here = (value + f[i] * slope) + t[i] * (rise + f[i] * twist);
    out[i] = hpa[i] >= node ? here : out[i];
  }
}

/// Least and greatest of pressures: positive floats are in the order of their bits, and of whole numbers the
/// compiler takes the least in vectors.
void bounds_of(const float* hpa, int n, float* least, float* greatest) noexcept {
  int low = __builtin_bit_cast(int, hpa[0]), high = low;
  for (int i = 0; i < n; ++i) {
    const int bits = __builtin_bit_cast(int, hpa[i]);
    low = bits < low ? bits : low;
    high = bits > high ? bits : high;
  }
  *least = __builtin_bit_cast(float, low);
  *greatest = __builtin_bit_cast(float, high);
}

/// Coefficients on each pixel of a run: a, b, S, and where there are legs u and the direct share. A pixel's
/// are of the last interval of pressure that does not begin above it, or of the first.
void coefficients_of_run(const CorrectRun& run, float (*__restrict out)[kRunMax]) noexcept {
  const int legs = run.legs_left == nullptr ? 0 : 2;
  if (run.pressures == 1) {
    const float* __restrict f = run.share;
    const int n = run.n;
    const auto alone = [&](const float* left, const float* right, int width, float(*to)[kRunMax]) {
      for (int k = 0; k < width; ++k) {
        const float value = left[k], slope = right[k] - value;
        float* __restrict values = to[k];
        for (int i = 0; i < n; ++i) values[i] = value + f[i] * slope;
      }
    };
    alone(run.left, run.right, 3, out);
    alone(run.legs_left, run.legs_right, legs, out + 3);
    return;
  }
  const int most = run.pressures == 2 ? kRunMax : kPressureRun;
  for (int from = 0; from < run.n; from += most) {
    const int n = run.n - from < most ? run.n - from : most;
    const float* __restrict f = run.share + from;
    const float* __restrict hpa = run.hpa + from;
    float least, greatest, t[kRunMax];
    bounds_of(hpa, n, &least, &greatest);
    int j = 0;
    while (j + 2 < run.pressures && run.node_hpa[j + 1] <= least) ++j;
    for (bool is_first = true; is_first || (j + 1 < run.pressures && run.node_hpa[j] <= greatest); ++j) {
      const float node = run.node_hpa[j], inverse = 1.0f / (run.node_hpa[j + 1] - node);
      for (int i = 0; i < n; ++i) t[i] = clamp01((hpa[i] - node) * inverse);
      const auto add = [&](const float* left, const float* right, int width, float(*to)[kRunMax]) {
        for (int k = 0; k < width; ++k) {
          const float *l = left + width * j + k, *r = right + width * j + k;
          if (is_first)
            between_pressures(f, t, n, l, r, width, to[k] + from);
          else
            above_pressure(f, t, n, l, r, width, hpa, node, to[k] + from);
        }
      };
      add(run.left, run.right, 3, out);
      add(run.legs_left, run.legs_right, legs, out + 3);
      is_first = false;
    }
  }
}

/// What the ground would reflect if it were level; v and e as found by `correct_run`.
void level_ground(const CorrectRun& run, const float* __restrict v, const float* __restrict e,
                  const float* __restrict direct) noexcept {
  const int n = run.n;
  float level[kRunMax];
  int grazes[kRunMax];
  {
    const float* __restrict f = run.share;
    const float* __restrict east = run.east;
    const float* __restrict north = run.north;
    const float* l = run.directions_left;
    const float sx0 = l[0], sy0 = l[1], vx0 = l[2], vy0 = l[3];
    const float* r = run.directions_right;
    const float dsx = r[0] - sx0, dsy = r[1] - sy0, dvx = r[2] - vx0, dvy = r[3] - vy0;
    // Secants of the zenith angles, linear in the cell as their tangents are: a cell of 5 km turns the sun by
    // 0.05 and the sensor by 0.4 degrees, and the curve of the secant departs by 1e-5 from its chord.
    const auto secant = [](const float* tangent) {
      return square_root(1.0f + tangent[0] * tangent[0] + tangent[1] * tangent[1]);
    };
    const float sun0 = secant(l), view0 = secant(l + 2);
    const float dsun = secant(r) - sun0, dview = secant(r + 2) - view0;
    // Cosines of incidence and exitance stand over what they are on level ground, and all terms are times the
    // secant of the slope: one root and one division are left.
    const auto onto_level = [&](auto canopy) {
      for (int i = 0; i < n; ++i) {
        const float sx = sx0 + f[i] * dsx, sy = sy0 + f[i] * dsy;
        const float p = east[i], q = north[i];
        const float sun = sun0 + f[i] * dsun, slope = square_root(1.0f + p * p + q * q);
        const float incidence = 1.0f - p * sx - q * sy, least = 0.2f * sun * slope;
        const float lit = incidence > least ? incidence : least;
        const float sky = 0.5f * slope + 0.5f, ground = 0.5f * slope - 0.5f;
        const float light = sky + direct[i] * (lit - sky) + e[i] * ground;
        if constexpr (canopy.value) {
          const float vx = vx0 + f[i] * dvx, vy = vy0 + f[i] * dvy;
          const float view = view0 + f[i] * dview;
          const float exitance = 1.0f - p * vx - q * vy, faint = 0.1f * view * slope;
          const float seen = exitance > faint ? exitance : faint;
          level[i] = v[i] * (lit * view + seen * sun) / (light * (sun + view));
        } else {
          level[i] = v[i] * slope / light;
        }
        grazes[i] = incidence < least ? kGrazing : 0;
      }
    };
    if (run.is_canopy)
      onto_level(Is<true>{});
    else
      onto_level(Is<false>{});
  }
  const std::uint8_t* __restrict hidden = run.hidden;
  const std::int16_t* __restrict out = run.out;
  std::uint8_t* __restrict flags = run.flags;
  std::int16_t* __restrict flat = run.flat;
  for (int i = 0; i < n; ++i) {
    const int is_hidden = hidden[i] != 0, measured = out[i] != -32768;
    const Stored stored = store((is_hidden ? v[i] : level[i]) * 10000.0f, measured);
    flat[i] = stored.value;
    const int graze = measured & !is_hidden ? grazes[i] : 0;
    flags[i] = static_cast<std::uint8_t>(flags[i] | (stored.clipped ? kClipped : 0) | graze);
  }
}

void correct_run(const CorrectRun& run) noexcept {
  float c[5][kRunMax], v[kRunMax];
  coefficients_of_run(run, c);
  const float* __restrict a = c[0];
  const float* __restrict b = c[1];
  const float* __restrict s = c[2];
  const float* __restrict u = c[3];
  const std::uint16_t* __restrict dn = run.dn;
  std::int16_t* __restrict out = run.out;
  std::uint8_t* __restrict flags = run.flags;
  const float* __restrict e = run.around;
  const float offset = run.offset, scale = run.scale;
  const int n = run.n;
  if (e == nullptr) {
    for (int i = 0; i < n; ++i) {
      const float y = a[i] * ((static_cast<float>(dn[i]) + offset) * scale) - b[i];
      v[i] = y / (1.0f + s[i] * y);
    }
  } else {
    for (int i = 0; i < n; ++i) {
      const float y = a[i] * ((static_cast<float>(dn[i]) + offset) * scale) - b[i];
      v[i] = y * u[i] * (1.0f - e[i] * s[i]) - e[i] * (u[i] - 1.0f);
    }
  }
  for (int i = 0; i < n; ++i) {
    const int d = dn[i];
    const Stored stored = store(v[i] * 10000.0f, d != 0);
    out[i] = stored.value;
    flags[i] = static_cast<std::uint8_t>((stored.good ? 0 : kNoData) | (d == 65535 ? kSaturated : 0) |
                                         (stored.clipped ? kClipped : 0));
  }
  if (run.flat != nullptr) level_ground(run, v, e == nullptr ? v : e, c[4]);
}

typedef float Four __attribute__((vector_size(16)));
typedef int FourWhole __attribute__((vector_size(16)));
typedef std::uint16_t FourPixels __attribute__((vector_size(8)));

inline Four four_pixels(const std::uint16_t* at) {
  FourPixels pixels;
  __builtin_memcpy(&pixels, at, sizeof pixels);
  // By way of whole numbers: of the direct way the compiler makes four steps.
  return __builtin_convertvector(__builtin_convertvector(pixels, FourWhole), Four);
}

/// The pixel before each place, and the phase between it and the next.
void places_of_line(double from, double by, int n, int* __restrict before, int* __restrict phase) noexcept {
  for (int k = 0; k < n; ++k) {
    const double at = from + k * by;
    const int whole = static_cast<int>(at);
    before[k] = whole;
    phase[k] = static_cast<int>((at - whole) * kPhases + 0.5);
  }
}

void cubic_run(const CubicRun& run) noexcept {
  int column[kCubicRun], row[kCubicRun], column_phase[kCubicRun], row_phase[kCubicRun];
  float sums[kCubicRun];
  const int n = run.n;
  places_of_line(run.column, run.by_column, n, column, column_phase);
  places_of_line(run.row, run.by_row, n, row, row_phase);
  const std::ptrdiff_t stride = run.stride;
  for (int k = 0; k < n; ++k) {
    const std::uint16_t* from = run.pixels + (row[k] - 1) * stride + (column[k] - 1);
    const float* r = run.weights + 4 * row_phase[k];
    Four c;
    __builtin_memcpy(&c, run.weights + 4 * column_phase[k], sizeof c);
    // Four columns at once.
    const Four upper = r[0] * four_pixels(from) + r[1] * four_pixels(from + stride);
    const Four lower = r[2] * four_pixels(from + 2 * stride) + r[3] * four_pixels(from + 3 * stride);
    const Four parts = c * (upper + lower);
    const Four pairs = parts + __builtin_shuffle(parts, FourWhole{1, 0, 3, 2});
    sums[k] = pairs[0] + pairs[2];
  }
  std::uint16_t* __restrict out = run.out;
  for (int k = 0; k < n; ++k) {
    const float high = sums[k] < 65534.0f ? sums[k] : 65534.0f;
    const float value = high > 1.0f ? high : 1.0f;
    out[k] = static_cast<std::uint16_t>(static_cast<int>(value + 0.5f));
  }
}

bool all_measured(const std::uint16_t* pixels, std::ptrdiff_t stride, int width, int height) noexcept {
  std::uint16_t bad = 0;
  for (int y = 0; y < height; ++y) {
    const std::uint16_t* line = pixels + y * stride;
    // 65535 turns into 0 and 0 into 1.
    for (int i = 0; i < width; ++i)
      bad = static_cast<std::uint16_t>(bad | (static_cast<std::uint16_t>(line[i] + 1) < 2));
  }
  return bad == 0;
}

void halve_i16(const std::int16_t* a, const std::int16_t* b, int width, std::int16_t no_data, bool single_row,
               std::int16_t* __restrict out) noexcept {
  const int pairs = width / 2;
  const int second = single_row ? 0 : 1;
  for (int i = 0; i < pairs; ++i) {
    const int p = a[2 * i], q = a[2 * i + 1], r = b[2 * i], t = b[2 * i + 1];
    const int hp = p != no_data, hq = q != no_data, hr = (r != no_data) & second,
              ht = (t != no_data) & second;
    const int count = hp + hq + hr + ht;
    const int sum = (hp ? p : 0) + (hq ? q : 0) + (hr ? r : 0) + (ht ? t : 0);
    // Exact: |sum| < 2^24, and sum / count is at least 1/6 away from any tie that it does not hit.
    const float mean = static_cast<float>(sum) / static_cast<float>(count ? count : 1);
    const int rounded = static_cast<int>(mean + (mean < 0.0f ? -0.5f : 0.5f));
    out[i] = static_cast<std::int16_t>(count ? rounded : no_data);
  }
  if (width & 1) {
    const int p = a[width - 1], r = b[width - 1];
    const int hp = p != no_data, hr = (r != no_data) & second;
    const int count = hp + hr;
    const float mean =
        static_cast<float>((hp ? p : 0) + (hr ? r : 0)) / static_cast<float>(count ? count : 1);
    const int rounded = static_cast<int>(mean + (mean < 0.0f ? -0.5f : 0.5f));
    out[pairs] = static_cast<std::int16_t>(count ? rounded : no_data);
  }
}

template <typename T>
void pick(const T* in, int out_width, T* __restrict out) noexcept {
  for (int i = 0; i < out_width; ++i) out[i] = in[2 * i];
}

template <typename T>
void difference(const T* in, int n, T* __restrict out) noexcept {
  if (n > 0) out[0] = in[0];
  for (int i = 1; i < n; ++i) out[i] = static_cast<T>(in[i] - in[i - 1]);
}

void or_u16(const std::uint16_t* in, int n, std::uint16_t* __restrict out) noexcept {
  for (int i = 0; i < n; ++i) out[i] = static_cast<std::uint16_t>(out[i] | in[i]);
}

void normalized_difference(const std::int16_t* __restrict a, const std::int16_t* __restrict b, int n,
                           std::int16_t no_data, int min_sum, std::int16_t* __restrict out) noexcept {
  for (int i = 0; i < n; ++i) {
    const int p = a[i], q = b[i];
    const int x = p > 0 ? p : 0, y = q > 0 ? q : 0;
    const int sum = x + y;
    const int good = (p != no_data) & (q != no_data) & (sum >= min_sum);
    // Exact: both integers are doubles, and the quotient is at least 1 / (2 sum) away from any tie that it
    // does not hit.
    const double index = 10000.0 * static_cast<double>(x - y) / static_cast<double>(sum > 0 ? sum : 1);
    const int rounded = static_cast<int>(index + (index < 0.0 ? -0.5 : 0.5));
    out[i] = static_cast<std::int16_t>(good ? rounded : no_data);
  }
}

void composite_step(const std::uint8_t* __restrict classes, int n, double weight,
                    std::uint8_t* __restrict rank, std::uint16_t* __restrict count, double* __restrict keep,
                    double* __restrict add) noexcept {
  for (int i = 0; i < n; ++i) {
    const int c = classes[i], r = rank[i];
    const int better = c > r, enters = (c >= r) & (c > 0);
    keep[i] = better ? 0.0 : 1.0;
    add[i] = enters ? weight : 0.0;
    count[i] = static_cast<std::uint16_t>((better ? 0 : count[i]) + enters);
    rank[i] = static_cast<std::uint8_t>(better ? c : r);
  }
}

// Every term is a whole number below 2^53: sums are exact, whatever their order.
void composite_sum(const std::int16_t* __restrict values, const double* __restrict keep,
                   const double* __restrict add, int n, double* __restrict sum) noexcept {
  for (int i = 0; i < n; ++i) sum[i] = sum[i] * keep[i] + static_cast<double>(values[i]) * add[i];
}

void composite_sum_one(double value, const double* __restrict keep, const double* __restrict add, int n,
                       double* __restrict sum) noexcept {
  for (int i = 0; i < n; ++i) sum[i] = sum[i] * keep[i] + value * add[i];
}

void composite_exclude(const std::int16_t* __restrict values, std::int16_t no_data, int n,
                       std::uint8_t* __restrict classes) noexcept {
  for (int i = 0; i < n; ++i) classes[i] = static_cast<std::uint8_t>(values[i] == no_data ? 0 : classes[i]);
}

void composite_divide(const double* __restrict sum, const double* __restrict weight, int n, double divisor,
                      std::int16_t no_data, std::int16_t* __restrict out) noexcept {
  for (int i = 0; i < n; ++i) {
    const int any = weight[i] > 0.0;
    const double mean = sum[i] / (any ? weight[i] * divisor : 1.0);
    const int rounded = static_cast<int>(mean + (mean < 0.0 ? -0.5 : 0.5));
    out[i] = static_cast<std::int16_t>(any ? rounded : no_data);
  }
}

}  // namespace

const RowFunctions rows = {correct_run,
                           blend<float>,
                           blend<std::int16_t>,
                           between_nodes,
                           cubic_run,
                           all_measured,
                           halve_i16,
                           pick<std::uint8_t>,
                           pick<std::uint16_t>,
                           difference<std::uint8_t>,
                           difference<std::uint16_t>,
                           or_u16,
                           normalized_difference,
                           composite_step,
                           composite_sum,
                           composite_sum_one,
                           composite_exclude,
                           composite_divide};

}  // namespace tilth::TILTH_TARGET
