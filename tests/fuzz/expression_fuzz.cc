// Input: an expression, or a text with expressions. What can be read is evaluated; a second time gives the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/expression/expression.h"
#include "core/expression/template_text.h"
#include "tests/core/expression/expression_cases.h"

namespace {

using namespace slicemill;
using namespace slicemill::expression;

constexpr Limits kFuzzLimits{.steps = 200'000, .bytes = 4 << 20};

bool ends_with_place(std::string_view message) {
  return !message.empty() && message.back() == ')' && message.rfind('(') != message.npos;
}

void check(const Result<Json>& json, std::string_view text) {
  if (!json && !ends_with_place(json.error().message) && json.error().message.find("too ") == std::string::npos)
    std::abort();
  if (!json) return;
  const auto again = Expression::parse(text)->evaluate_json(case_environment(), kFuzzLimits);
  if (!again || to_compact_text(*again) != to_compact_text(*json)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto known = case_environment();
  if (const auto parsed = Expression::parse(text)) {
    check(parsed->evaluate_json(known, kFuzzLimits), text);
  } else if (!ends_with_place(parsed.error().message)) {
    std::abort();  // every error names its place
  }
  if (const auto parsed = TemplateText::parse(text)) {
    const auto made = parsed->evaluate(known, kFuzzLimits);
    if (!parsed->has_expressions() && (!made || *made != text)) std::abort();
  }
  (void)parse_bare(text);
  return 0;
}
