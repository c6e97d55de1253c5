#include "operations/readers/slice_request.h"

#include <fmt/format.h>

namespace slicemill {

void SliceRequest::set(std::string_view request) {
  size_ = request.size();
  padded_.assign(request);
  padded_.resize(size_ + simdjson::SIMDJSON_PADDING);
  error_ = parser_.iterate(padded_.data(), size_, padded_.size()).get(document_);
}

Result<std::int64_t> SliceRequest::integer(std::string_view key) {
  std::int64_t value = 0;
  auto error = error_;
  if (!error) error = document_.find_field_unordered(key).get_int64().get(value);
  if (error) {
    error_ = error;  // where the document stands now is of no use
    return Error(ErrorCode::invalid,
                 fmt::format("slice request {}: \"{}\" must be an integer: {}",
                             std::string_view(padded_).substr(0, size_), key, simdjson::error_message(error)),
                 false);
  }
  return value;
}

}  // namespace slicemill
