// Structures as bytes, by one description for both directions: a function `describe(io, value)` names the fields in
// their order, with io a FormWriter (value is const) or a FormReader. Any thread, one object per text.
//
//   integers := LEB128 varint; signed ones zigzag    text := length bytes    list := count item*
//   optional := present:u8 [value]                   real := the 8 bytes of the double, little endian
//
// A reader never throws: what does not fit makes it invalid, and the rest of the value is of no meaning.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/runtime/rare_list.h"
#include "core/runtime/varint.h"

namespace slicemill {

struct FormWriter {
  ByteWriter out;
  void u8(const std::uint8_t& v) { out.u8(v); }
  void flag(const bool& v) { out.u8(v ? 1 : 0); }
  template <typename T>
  void number(const T& v) {
    out.varint(static_cast<std::uint64_t>(v));
  }
  void signed_number(const std::int64_t& v) { out.zigzag(v); }
  void real(const double& v) { out.fixed64(std::bit_cast<std::uint64_t>(v)); }
  void text(const std::string& v) { out.text(v); }
  void fixed64(const std::uint64_t& v) { out.fixed64(v); }
  void fixed32(const std::uint32_t& v) { out.fixed32(v); }
  template <typename T, typename F>
  void list(const std::vector<T>& items, F each) {
    out.varint(items.size());
    for (const auto& item : items) each(*this, item);
  }
  template <typename T, typename F>
  void list(const RareList<T>& items, F each) {
    list(items.items(), each);
  }
  template <typename T, typename F>
  void optional(const std::optional<T>& value, F each) {
    flag(value.has_value());
    if (value) each(*this, *value);
  }
};

struct FormReader {
  ByteReader in;
  bool valid = true;
  void u8(std::uint8_t& v) { v = in.u8(); }
  void flag(bool& v) {
    const std::uint8_t byte = in.u8();
    valid = valid && byte <= 1;
    v = byte == 1;
  }
  template <typename T>
  void number(T& v) {
    const std::uint64_t value = in.varint();
    v = static_cast<T>(value);
    valid = valid && static_cast<std::uint64_t>(v) == value;
  }
  void signed_number(std::int64_t& v) { v = in.zigzag(); }
  void real(double& v) { v = std::bit_cast<double>(in.fixed64()); }
  void text(std::string& v) { v = in.text(); }
  void fixed64(std::uint64_t& v) { v = in.fixed64(); }
  void fixed32(std::uint32_t& v) { v = in.fixed32(); }
  template <typename T, typename F>
  void list(std::vector<T>& items, F each) {
    // A count is a claim: what is allocated on its word alone stays small beside the bytes.
    constexpr std::size_t kMostReserved = 1024;
    const std::size_t count = in.count();
    items.clear();
    items.reserve(std::min(count, kMostReserved));
    for (std::size_t i = 0; i < count && in.ok() && valid; ++i) {
      items.emplace_back();
      each(*this, items.back());
    }
  }
  template <typename T, typename F>
  void list(RareList<T>& items, F each) {
    std::vector<T> read;
    list(read, each);
    items = RareList<T>(std::move(read));
  }
  template <typename T, typename F>
  void optional(std::optional<T>& value, F each) {
    bool is_present = false;
    flag(is_present);
    value.reset();
    if (is_present && in.ok() && valid) each(*this, value.emplace());
  }
};

template <typename Io>
inline constexpr bool kReadsForm = std::is_same_v<Io, FormReader>;

}  // namespace slicemill
