#include "operations/slice_place.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/formats/path_member.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"

namespace slicemill {
namespace {

constexpr std::size_t kMostRequestBytes = 512;

}  // namespace

std::string slice_place(std::string_view request) {
  const auto parsed = parse_json(request);
  const auto path = parsed && parsed->is_object() ? path_of(*parsed, "path") : Result<std::string>(std::string());
  if (!path || path->empty()) return fmt::format("slice {}", request.substr(0, kMostRequestBytes));
  const auto number = [&](const char* name) {
    const auto found = parsed->find(name);
    return found != parsed->end() && found->is_number_integer() ? found->get<std::uint64_t>() : 0;
  };
  const std::uint64_t offset = number("offset"), length = number("length");
  if (length == 0 || length == number("total")) return printable(*path);
  return fmt::format("{}, bytes {} to {}", printable(*path), offset, offset + length - 1);
}

}  // namespace slicemill
