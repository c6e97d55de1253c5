// What a generated record consists of: a list of fields, each with its way to make a value. Compiled once per worker,
// then run for millions of records, so it writes bytes straight into the batch.
//
// A record depends on the seed, its number and the creation time of its slice alone: a replay gives the same bytes.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"

namespace slicemill {

// splitmix64: one multiplication chain per draw, any seed is good.
class RecordRandom {
 public:
  RecordRandom(std::uint64_t seed, std::uint64_t record)
      : state_(mix(seed) ^ mix(record * 0x9E3779B97F4A7C15ULL + 1)) {}

  std::uint64_t next() { return mix(state_ += 0x9E3779B97F4A7C15ULL); }
  // 0 <= result < limit, limit > 0.
  std::uint64_t below(std::uint64_t limit) {
    return static_cast<std::uint64_t>((static_cast<Wide>(next()) * limit) >> 64);
  }

  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

 private:
  __extension__ using Wide = unsigned __int128;
  std::uint64_t state_;
};

class RecordPlan {
 public:
  // From the options of data_generator; the error begins with the option's name.
  static Result<RecordPlan> make(const Json& options);

  // No record is longer.
  std::size_t longest() const { return longest_; }

  // Times that follow the clock come from the slice's creation. Once per slice.
  void set_created(WallMs created_ms);

  // Writes one record and returns its end.
  char* write(char* out, RecordRandom& random) const;

 private:
  enum class Kind {
    ip,
    ipv6,
    user_agent,
    url,
    uuid,
    date,
    location,
    integer,
    number,
    text,
    boolean,
    choice,
    base64_id,
    hex_id,
    upper_hex_id
  };
  enum class DateFormat { date_now, utc_date, utc_between, iso_between };

  struct Field {
    std::string opening{};  // `,"name":`
    Kind kind = Kind::text;
    std::int64_t minimum =
        0;  // integer: bounds; number: bounds in units of the last decimal; text: bounds of the length
    std::int64_t maximum = 0;
    int decimals = 0;
    std::vector<std::string> choices{};  // JSON
    std::string prefix{};                // of ids
  };

  Result<void> read_dates(const Json& options);
  void add_default_fields(const std::string& date_key);
  Result<void> add_schema_fields(const Json& schema);
  Result<void> add_schema_field(const std::string& name, const Json& description);
  static Result<void> read_limits(const Json& description, const std::string& place, Field& field);
  Result<void> add_id(const Json& options);
  void add(std::string_view name, Field field);
  static std::size_t longest_value(const Field& field);
  char* write_value(char* out, const Field& field, RecordRandom& random) const;
  char* write_created(char* out, RecordRandom& random) const;

  std::vector<Field> fields_;
  std::size_t longest_ = 2;
  DateFormat date_format_ = DateFormat::date_now;
  WallMs start_ms_ = 0;
  WallMs end_ms_ = 0;
  bool end_is_created_ = true;
  std::string created_text_;  // of formats that do not draw
};

}  // namespace slicemill
