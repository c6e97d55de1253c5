#include "core/formats/field_names.h"

#include <fmt/format.h>

#include "core/formats/json_scan.h"
#include "core/runtime/text.h"

namespace slicemill {

std::string fields_that_are(std::span<const std::string> names, std::string_view wanted, WrittenField written) {
  constexpr std::size_t kMostNames = 10;
  if (names.empty()) return "none";
  const auto shown = [&](std::string_view name) {
    const std::string head = text_head(name);
    return written == nullptr ? head : written(head);
  };
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i)
    text += fmt::format("{}`{}`", i == 0 ? "" : ", ", shown(names[i]));
  if (names.size() > kMostNames) text += fmt::format(" and {} more", names.size() - kMostNames);
  if (const auto near = nearest_word(wanted, names)) text += fmt::format(" (did you mean `{}`?)", shown(*near));
  return text;
}

}  // namespace slicemill
