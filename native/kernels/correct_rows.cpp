// Rows of pixels between the atmosphere and the ground, for correct.cpp. Compiled once per instruction set,
// as rows.cpp.
#include "correct_flags.hpp"
#include "rows_of_target.hpp"

namespace tilth::TILTH_TARGET {
namespace {

inline float clamp01(float v) {
  v = v > 0.0f ? v : 0.0f;
  return v < 1.0f ? v : 1.0f;
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

}  // namespace

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

}  // namespace tilth::TILTH_TARGET
