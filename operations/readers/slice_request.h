// Numbers out of a slice request, without a DOM: slices may be as small as one record.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill {

class SliceRequest {
 public:
  // Copies the request.
  void set(std::string_view request);
  // invalid, naming the key, if it is missing or not an integer.
  Result<std::int64_t> integer(std::string_view key);

 private:
  simdjson::ondemand::parser parser_;
  std::string padded_;
  std::size_t size_ = 0;
  simdjson::ondemand::document document_;  // of padded_; read on from field to field
  simdjson::error_code error_ = simdjson::EMPTY;
};

}  // namespace slicemill
