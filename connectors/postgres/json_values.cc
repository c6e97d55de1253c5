#include "connectors/postgres/json_values.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "connectors/postgres/big_endian.h"
#include "core/formats/json_scan.h"

namespace slicemill::postgres {
namespace {

constexpr std::size_t kMostNumberChars = 32;
constexpr std::size_t kMostMomentChars = 48;

void write_bytes(RecordText& text, std::string_view bytes) {
  char* const out = text.reserve(bytes.size());
  std::memcpy(out, bytes.data(), bytes.size());
  text.advance(out + bytes.size());
}

template <typename Number>
void write_number(RecordText& text, Number number) {
  char* const out = text.reserve(kMostNumberChars);
  text.advance(std::to_chars(out, out + kMostNumberChars, number).ptr);
}

template <typename Float>
void write_float(RecordText& text, Float number) {
  if (std::isnan(number)) return write_bytes(text, "\"NaN\"");
  if (std::isinf(number)) return write_bytes(text, number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  write_number(text, number);
}

void write_text(RecordText& text, std::string_view value) {
  char* out = text.reserve(json_escaped_limit(value.size()) + 2 + kValuePadding);
  *out++ = '"';
  out = write_json_escaped(out, value);
  *out++ = '"';
  text.advance(out);
}

char* two_digits(char* out, std::uint64_t number) {
  *out++ = static_cast<char>('0' + number / 10);
  *out++ = static_cast<char>('0' + number % 10);
  return out;
}

constexpr std::int64_t kMicrosPerDay = 86'400'000'000;
constexpr std::int64_t kDaysTo2000 = 10'957;  // since 1970

// The Gregorian calendar, counted backwards as well (ISO 8601 and PostgreSQL).
char* write_civil(char* out, std::int64_t days_since_2000) {
  const std::int64_t shifted = days_since_2000 + kDaysTo2000 + 719'468;  // since 0000-03-01
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const auto day_of_era = static_cast<std::uint64_t>(shifted - era * 146'097);
  const std::uint64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::uint64_t month_index = (5 * day_of_year + 2) / 153;
  const std::uint64_t day = day_of_year - (153 * month_index + 2) / 5 + 1;
  const std::uint64_t month = month_index < 10 ? month_index + 3 : month_index - 9;
  const std::int64_t year = static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
  if (year < 0 || year > 9'999) *out++ = year < 0 ? '-' : '+';
  const auto size = static_cast<std::uint64_t>(year < 0 ? -year : year);
  if (size >= 10'000) {
    out = std::to_chars(out, out + kMostNumberChars, size).ptr;
  } else {
    out = two_digits(out, size / 100);
    out = two_digits(out, size % 100);
  }
  *out++ = '-';
  out = two_digits(out, month);
  *out++ = '-';
  return two_digits(out, day);
}

char* write_clock(char* out, std::int64_t micros_of_day) {
  const auto micros = static_cast<std::uint64_t>(micros_of_day);
  const std::uint64_t seconds = micros / 1'000'000;
  out = two_digits(out, seconds / 3'600);
  *out++ = ':';
  out = two_digits(out, seconds / 60 % 60);
  *out++ = ':';
  out = two_digits(out, seconds % 60);
  std::uint64_t fraction = micros % 1'000'000;
  if (fraction == 0) return out;
  *out++ = '.';
  for (std::uint64_t unit = 100'000; fraction > 0; unit /= 10) {
    *out++ = static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  }
  return out;
}

char* write_zone(char* out, std::int32_t seconds_west) {
  *out++ = seconds_west <= 0 ? '+' : '-';
  const auto size =
      static_cast<std::uint64_t>(seconds_west < 0 ? -static_cast<std::int64_t>(seconds_west) : seconds_west);
  out = two_digits(out, size / 3'600 % 100);
  if (size % 3'600 == 0) return out;
  *out++ = ':';
  out = two_digits(out, size / 60 % 60);
  if (size % 60 == 0) return out;
  *out++ = ':';
  return two_digits(out, size % 60);
}

template <typename Body>
void write_moment(RecordText& text, const Body& body) {
  char* out = text.reserve(kMostMomentChars);
  *out++ = '"';
  out = body(out);
  *out++ = '"';
  text.advance(out);
}

void write_timestamp(RecordText& text, std::int64_t micros, bool is_utc) {
  if (micros == std::numeric_limits<std::int64_t>::max()) return write_bytes(text, "\"infinity\"");
  if (micros == std::numeric_limits<std::int64_t>::min()) return write_bytes(text, "\"-infinity\"");
  std::int64_t days = micros / kMicrosPerDay;
  std::int64_t rest = micros % kMicrosPerDay;
  if (rest < 0) {
    rest += kMicrosPerDay;
    --days;
  }
  write_moment(text, [&](char* out) {
    out = write_civil(out, days);
    *out++ = 'T';
    out = write_clock(out, rest);
    if (is_utc) *out++ = 'Z';
    return out;
  });
}

void write_date(RecordText& text, std::int32_t days) {
  if (days == std::numeric_limits<std::int32_t>::max()) return write_bytes(text, "\"infinity\"");
  if (days == std::numeric_limits<std::int32_t>::min()) return write_bytes(text, "\"-infinity\"");
  write_moment(text, [&](char* out) { return write_civil(out, days); });
}

void write_uuid(RecordText& text, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  write_moment(text, [&](char* out) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) *out++ = '-';
      const auto byte = static_cast<unsigned char>(bytes[i]);
      *out++ = kDigits[byte >> 4];
      *out++ = kDigits[byte & 15];
    }
    return out;
  });
}

void write_base64(RecordText& text, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char* out = text.reserve((bytes.size() + 2) / 3 * 4 + 2);
  *out++ = '"';
  const auto at = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *out++ = kDigits[three >> 18];
    *out++ = kDigits[three >> 12 & 63];
    *out++ = i + 1 < bytes.size() ? kDigits[three >> 6 & 63] : '=';
    *out++ = i + 2 < bytes.size() ? kDigits[three & 63] : '=';
  }
  *out++ = '"';
  text.advance(out);
}

// Line ends stand between tokens only, and would end the record.
void write_json_value(RecordText& text, std::string_view json) {
  char* const out = text.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) out[i] = json[i] == '\n' || json[i] == '\r' ? ' ' : json[i];
  text.advance(out + json.size());
}

// numeric := digits:i16 weight:i16 sign:u16 scale:u16 digit:i16*     digits of base 10,000; the first one counts
// 10,000^weight
bool write_numeric(RecordText& text, std::string_view bytes) {
  constexpr std::uint16_t kNegative = 0x4000, kNaN = 0xC000, kInfinity = 0xD000, kMinusInfinity = 0xF000;
  constexpr std::size_t kHead = 8;
  if (bytes.size() < kHead) return false;
  const auto count = big_endian<std::int16_t>(bytes.data());
  const auto weight = big_endian<std::int16_t>(bytes.data() + 2);
  const auto sign = big_endian<std::uint16_t>(bytes.data() + 4);
  const auto scale = big_endian<std::uint16_t>(bytes.data() + 6);
  if (sign == kNaN) return write_bytes(text, "\"NaN\""), true;
  if (sign == kInfinity) return write_bytes(text, "\"Infinity\""), true;
  if (sign == kMinusInfinity) return write_bytes(text, "\"-Infinity\""), true;
  if (count < 0 || bytes.size() != kHead + 2 * static_cast<std::size_t>(count)) return false;
  const auto digit = [&](int index) -> std::uint32_t {
    return index >= 0 && index < count ? big_endian<std::uint16_t>(bytes.data() + kHead + 2 * index) : 0;
  };
  char* out = text.reserve(static_cast<std::size_t>(std::max<int>(weight, 0) + 2) * 4 + scale + 8);
  if (sign == kNegative) *out++ = '-';
  if (weight < 0) {
    *out++ = '0';
  } else {
    out = std::to_chars(out, out + 8, digit(0)).ptr;
    for (int i = 1; i <= weight; ++i) {
      out = two_digits(out, digit(i) / 100);
      out = two_digits(out, digit(i) % 100);
    }
  }
  if (scale > 0) {
    *out++ = '.';
    int index = weight + 1;
    for (int left = scale; left > 0; ++index) {
      std::array<char, 4> four{};
      two_digits(two_digits(four.data(), digit(index) / 100), digit(index) % 100);
      for (std::size_t i = 0; i < four.size() && left > 0; ++i, --left) *out++ = four[i];
    }
  }
  text.advance(out);
  return true;
}

bool write_single(RecordText& text, Decoding decoding, std::string_view bytes);

// array := dimensions:i32 flags:i32 type:oid (size:i32 bound:i32)*dimensions (size:i32 bytes)*
class ArrayWriter {
 public:
  ArrayWriter(RecordText& text, Decoding element, std::string_view bytes)
      : text_(text), element_(element), bytes_(bytes) {}

  bool write_all() {
    constexpr std::int32_t kMostDimensions = 6;  // of PostgreSQL
    std::int32_t dimensions = 0;
    if (!take(dimensions) || dimensions < 0 || dimensions > kMostDimensions || !skip(8)) return false;
    if (dimensions == 0) return write_bytes(text_, "[]"), bytes_.empty();
    for (std::int32_t i = 0; i < dimensions; ++i) {
      std::int32_t size = 0;
      if (!take(size) || size < 0 || !skip(4)) return false;
      sizes_.push_back(size);
    }
    return write_dimension(0) && bytes_.empty();
  }

 private:
  bool take(std::int32_t& number) {
    if (bytes_.size() < 4) return false;
    number = big_endian<std::int32_t>(bytes_.data());
    bytes_.remove_prefix(4);
    return true;
  }
  bool skip(std::size_t size) {
    if (bytes_.size() < size) return false;
    bytes_.remove_prefix(size);
    return true;
  }
  bool write_dimension(std::size_t dimension) {
    write_bytes(text_, "[");
    for (std::int32_t i = 0; i < sizes_[dimension]; ++i) {
      if (i > 0) write_bytes(text_, ",");
      if (!(dimension + 1 < sizes_.size() ? write_dimension(dimension + 1) : write_element())) return false;
    }
    write_bytes(text_, "]");
    return true;
  }
  bool write_element() {
    std::int32_t size = 0;
    if (!take(size)) return false;
    if (size == -1) return write_bytes(text_, "null"), true;
    if (size < 0 || bytes_.size() < static_cast<std::size_t>(size)) return false;
    const std::string_view value = bytes_.substr(0, static_cast<std::size_t>(size));
    bytes_.remove_prefix(value.size());
    return write_single(text_, element_, value);
  }

  RecordText& text_;
  const Decoding element_;
  std::string_view bytes_;
  std::vector<std::int32_t> sizes_;
};

bool write_single(RecordText& text, Decoding decoding, std::string_view bytes) {
  const auto has = [&](std::size_t size) { return bytes.size() == size; };
  switch (decoding) {
    case Decoding::text:
      return write_text(text, bytes), true;
    case Decoding::boolean:
      return has(1) && (write_bytes(text, bytes[0] != 0 ? "true" : "false"), true);
    case Decoding::int2:
      return has(2) && (write_number(text, big_endian<std::int16_t>(bytes.data())), true);
    case Decoding::int4:
      return has(4) && (write_number(text, big_endian<std::int32_t>(bytes.data())), true);
    case Decoding::int8:
      return has(8) && (write_number(text, big_endian<std::int64_t>(bytes.data())), true);
    case Decoding::oid:
      return has(4) && (write_number(text, big_endian<std::uint32_t>(bytes.data())), true);
    case Decoding::float4:
      return has(4) && (write_float(text, std::bit_cast<float>(big_endian<std::uint32_t>(bytes.data()))), true);
    case Decoding::float8:
      return has(8) && (write_float(text, std::bit_cast<double>(big_endian<std::uint64_t>(bytes.data()))), true);
    case Decoding::numeric:
      return write_numeric(text, bytes);
    case Decoding::uuid:
      return has(16) && (write_uuid(text, bytes), true);
    case Decoding::json:
      return write_json_value(text, bytes), true;
    case Decoding::jsonb:
      return !bytes.empty() && bytes[0] == 1 && (write_json_value(text, bytes.substr(1)), true);
    case Decoding::bytea:
      return write_base64(text, bytes), true;
    case Decoding::date:
      return has(4) && (write_date(text, big_endian<std::int32_t>(bytes.data())), true);
    case Decoding::time:
      if (!has(8)) return false;
      write_moment(text, [&](char* out) { return write_clock(out, big_endian<std::int64_t>(bytes.data())); });
      return true;
    case Decoding::timetz:
      if (!has(12)) return false;
      write_moment(text, [&](char* out) {
        out = write_clock(out, big_endian<std::int64_t>(bytes.data()));
        return write_zone(out, big_endian<std::int32_t>(bytes.data() + 8));
      });
      return true;
    case Decoding::timestamp:
    case Decoding::timestamptz:
      if (!has(8)) return false;
      write_timestamp(text, big_endian<std::int64_t>(bytes.data()), decoding == Decoding::timestamptz);
      return true;
    case Decoding::array:
      break;
  }
  return false;
}

}  // namespace

bool write_json(RecordText& text, Decoding decoding, Decoding element, std::string_view bytes) {
  return decoding == Decoding::array ? ArrayWriter(text, element, bytes).write_all()
                                     : write_single(text, decoding, bytes);
}

}  // namespace slicemill::postgres
