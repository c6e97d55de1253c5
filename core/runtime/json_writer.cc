#include "core/runtime/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/runtime/json.h"

namespace slicemill {
namespace {

bool stands_as_it_is(char c) {
  constexpr unsigned char kFirstPrintable = 0x20, kDelete = 0x7F;
  const auto byte = static_cast<unsigned char>(c);
  return byte >= kFirstPrintable && byte < kDelete && c != '"' && c != '\\';
}

}  // namespace

std::string json_string(std::string_view text) {
  if (!std::ranges::all_of(text, stands_as_it_is)) return to_compact_text(Json(std::string(text)));
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted += '"';
  quoted += text;
  quoted += '"';
  return quoted;
}

JsonObjectWriter& JsonObjectWriter::add_json(std::string_view name, std::string_view value) {
  if (text_.size() > 1) text_ += ',';
  text_ += '"';
  text_ += name;
  text_ += "\":";
  text_ += value;
  return *this;
}

JsonObjectWriter& JsonObjectWriter::add(std::string_view name, double number) {
  return add_json(name, std::isfinite(number) ? fmt::format("{}", number) : "null");
}

}  // namespace slicemill
