#pragma once
// Checked access to the one options object that each function of the addon takes. Every complaint is a
// TypeError or RangeError that names the argument, what was expected and what was found.
#include <napi.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>

namespace tilth::binding {

template <typename T>
struct ArrayType;
template <>
struct ArrayType<std::uint8_t> {
  static constexpr napi_typedarray_type kind = napi_uint8_array;
  static constexpr const char* name = "Uint8Array";
};
template <>
struct ArrayType<std::uint16_t> {
  static constexpr napi_typedarray_type kind = napi_uint16_array;
  static constexpr const char* name = "Uint16Array";
};
template <>
struct ArrayType<std::int16_t> {
  static constexpr napi_typedarray_type kind = napi_int16_array;
  static constexpr const char* name = "Int16Array";
};
template <>
struct ArrayType<std::int32_t> {
  static constexpr napi_typedarray_type kind = napi_int32_array;
  static constexpr const char* name = "Int32Array";
};
template <>
struct ArrayType<std::uint32_t> {
  static constexpr napi_typedarray_type kind = napi_uint32_array;
  static constexpr const char* name = "Uint32Array";
};
template <>
struct ArrayType<float> {
  static constexpr napi_typedarray_type kind = napi_float32_array;
  static constexpr const char* name = "Float32Array";
};
template <>
struct ArrayType<double> {
  static constexpr napi_typedarray_type kind = napi_float64_array;
  static constexpr const char* name = "Float64Array";
};

class Arguments {
 public:
  explicit Arguments(const Napi::Value& value, const std::string& path = "")
      : path_(path), env_(value.Env()) {
    if (!value.IsObject())
      throw Napi::TypeError::New(env_, (path.empty() ? "argument" : path) + ": expected an object");
    object_ = value.As<Napi::Object>();
  }

  /// A typed array over an ArrayBuffer or SharedArrayBuffer with `size` elements or more.
  /// napi_get_typedarray_info, because Napi::TypedArray::ArrayBuffer() refuses shared memory.
  template <typename T>
  std::span<T> array(const char* key, std::size_t size) const {
    using Bare = std::remove_const_t<T>;
    const Napi::Value value = object_.Get(key);
    if (!value.IsTypedArray()) throw type_error(key, std::string("expected a ") + ArrayType<Bare>::name);
    napi_typedarray_type kind{};
    std::size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(env_, value, &kind, &length, &data, nullptr, nullptr) != napi_ok)
      throw type_error(key, "cannot be read");
    if (kind != ArrayType<Bare>::kind)
      throw type_error(key, std::string("expected a ") + ArrayType<Bare>::name);
    if (length < size)
      throw range_error(
          key, "expected " + std::to_string(size) + " elements or more, found " + std::to_string(length));
    return {static_cast<T*>(data), length};
  }

  int integer(const char* key, int low, int high) const {
    const double value = number(key);
    if (value != std::floor(value) || value < low || value > high)
      throw range_error(key, "expected an integer from " + std::to_string(low) + " to " +
                                 std::to_string(high) + ", found " + std::to_string(value));
    return static_cast<int>(value);
  }

  double number(const char* key) const {
    const Napi::Value value = object_.Get(key);
    if (!value.IsNumber()) throw type_error(key, "expected a number");
    const double d = value.As<Napi::Number>().DoubleValue();
    if (!std::isfinite(d)) throw range_error(key, "expected a finite number");
    return d;
  }

  bool has(const char* key) const {
    const Napi::Value value = object_.Get(key);
    return !value.IsUndefined() && !value.IsNull();
  }

  Arguments nested(const char* key) const { return Arguments(object_.Get(key), path_ + key + "."); }

  Napi::Error type_error(const std::string& key, const std::string& text) const {
    return Napi::TypeError::New(env_, path_ + key + ": " + text);
  }
  Napi::Error range_error(const std::string& key, const std::string& text) const {
    return Napi::RangeError::New(env_, path_ + key + ": " + text);
  }

 private:
  std::string path_;
  Napi::Env env_;
  Napi::Object object_;
};

}  // namespace tilth::binding
